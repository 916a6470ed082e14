"""GetDocument: where a document stands."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.queries import GetDocumentV1
from contracts.platform.replies import RequestFailedV1
from services.ingestion.services.lookup import Lookup
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class GetDocument:
    lookup: Lookup

    async def __call__(self, message: GetDocumentV1, context: Context) -> Outcome:
        state = await self.lookup.state(
            context.tenant, message.document_id, message.accepted_id, message.visible_to
        )
        if state is None:
            return Done(RequestFailedV1(code="not_found", message="There is no such document."))
        return Done(state)
