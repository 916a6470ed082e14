"""The index: take in a chunked version, delete a document or a tenant."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.erasures import TenantDeletedV1
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.ingestion.manifest import manifest_key
from services.retrieval.models.filter import UNSTORABLE
from services.retrieval.models.unindexable import Unindexable
from services.retrieval.services.indexing.indexing import Deletion, Indexing
from shared.outcomes import Done, Outcome, Reject

# The largest that every store and the registry can hold.
ORDINAL_MAX = 2**31 - 1
_NO_DOCUMENT = Reject(f"no document has this id, or an ordinal above {ORDINAL_MAX}")


@dataclass(frozen=True)
class IndexController:
    """docs/adr/0019 says what these messages may be believed."""

    indexing: Indexing
    deletion: Deletion

    async def chunked(self, message: DocumentChunkedV1, context: Context) -> Outcome:
        """What can never be indexed is announced: its owner hears of it, and nobody sends again.

        Rejects a message that names another manifest than its own version's, which would show the
        text of another document or tenant.
        """
        if not _exists(message.document_id, message.ordinal):
            return _NO_DOCUMENT
        if message.manifest_key != manifest_key(
            context.tenant, message.document_id, message.ordinal
        ):
            return Reject("manifest_key is not the one that tenant, document id and ordinal give")
        try:
            await self.indexing.index(message, context)
        except Unindexable as error:
            await self.indexing.refuse(message, error, context)
        return Done()

    async def deleted(self, message: DocumentDeletedV1, context: Context) -> Outcome:
        """Comes on a queue of its own, so that it never waits behind documents to be indexed."""
        if not _exists(message.document_id, message.ordinal):
            return _NO_DOCUMENT
        await self.deletion.delete(message.document_id, message.ordinal, context)
        return Done()

    async def tenant_deleted(self, message: TenantDeletedV1, context: Context) -> Outcome:
        await self.deletion.delete_tenant(message, context)
        return Done()


def _exists(document_id: str, ordinal: int) -> bool:
    """Whether there can be such a version: its id is part of an object's key."""
    return ordinal <= ORDINAL_MAX and "/" not in document_id and not UNSTORABLE.search(document_id)
