"""DocumentIndexed: retrieval has a version; it is ready when the counts agree."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.retrieval.events import DocumentIndexedV1
from services.ingestion.services.indexed import MarkReady
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class DocumentIndexed:
    mark_ready: MarkReady

    async def __call__(self, message: DocumentIndexedV1, _context: Context) -> Outcome:
        await self.mark_ready(message.document_id, message.ordinal, message.counts.chunks)
        return Done()
