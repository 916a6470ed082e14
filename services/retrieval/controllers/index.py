"""The index: take in a chunked version, delete a document."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from services.retrieval.models.embedding_space import OtherEmbeddingSpace
from services.retrieval.services.indexing.indexing import Deletion, Indexing
from services.retrieval.services.indexing.manifests import BadManifest
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class IndexController:
    indexing: Indexing
    deletion: Deletion

    async def chunked(self, message: DocumentChunkedV1, context: Context) -> Outcome:
        """Rejects a manifest that can never be indexed, with the reason."""
        try:
            await self.indexing.index(message, context)
        except (OtherEmbeddingSpace, BadManifest) as error:
            return Reject(str(error))
        return Done()

    async def deleted(self, message: DocumentDeletedV1, context: Context) -> Outcome:
        """Comes on a queue of its own, so that it never waits behind documents to be indexed."""
        await self.deletion.delete(context.tenant, message.document_id, message.ordinal)
        return Done()
