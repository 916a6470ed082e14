"""ListDocuments: a page of a tenant's documents."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.queries import ListDocumentsV1
from contracts.platform.replies import RequestFailedV1
from services.ingestion.models.errors import BadCursor
from services.ingestion.services.lookup import Lookup
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class ListDocuments:
    lookup: Lookup

    async def __call__(self, message: ListDocumentsV1, context: Context) -> Outcome:
        try:
            page = await self.lookup.page(
                context.tenant, message.limit, message.after, message.visible_to
            )
            return Done(page)
        except BadCursor as error:
            return Done(RequestFailedV1(code="invalid_request", message=str(error)))
