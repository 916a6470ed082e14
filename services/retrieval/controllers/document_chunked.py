"""DocumentChunked: indexes the version and makes it the one that is found."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.events import DocumentChunkedV1
from services.retrieval.models.mapping import MappingMismatch
from services.retrieval.services.indexing import Indexing
from services.retrieval.services.manifests import BadManifest
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class DocumentChunked:
    """A manifest that can never be indexed is rejected with the reason."""

    indexing: Indexing

    async def __call__(self, message: DocumentChunkedV1, context: Context) -> Outcome:
        try:
            await self.indexing(message, context)
        except (MappingMismatch, BadManifest) as error:
            return Reject(str(error))
        return Done()
