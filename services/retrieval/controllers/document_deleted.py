"""DocumentDeleted: hides the document at once and removes it."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.events import DocumentDeletedV1
from services.retrieval.services.forgetting import Forgetting
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class DocumentDeleted:
    """Comes on a queue of its own, so it never waits behind documents to be indexed."""

    forgetting: Forgetting

    async def __call__(self, message: DocumentDeletedV1, context: Context) -> Outcome:
        await self.forgetting(context.tenant, message.document_id, message.ordinal)
        return Done()
