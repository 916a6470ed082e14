"""What a person does with a document in work: retry, cancel, reindex."""

import logging
from asyncio import Event
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.manifest import manifest_key
from contracts.ingestion.queries import DocumentStateV1
from services.ingestion.models.errors import NotPossible
from services.ingestion.services.announcing import Announcer, origin_of
from services.ingestion.services.documents import Documents, is_storable
from services.ingestion.services.ports import Carrier, Steering
from shared.observability import metric

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Steer:
    """Every method answers the document, or None when there is none that the asker may see.

    `work` wakes this process's worker. Raises NotPossible and Unavailable.
    """

    steering: Steering
    documents: Documents
    announcer: Announcer
    blobs: Carrier
    work: Event

    async def retry(
        self, document: str, context: Context, visible_to: Sequence[str] | None
    ) -> DocumentStateV1 | None:
        """A rejected or failed document waits for work again."""
        if not is_storable(document):
            return None
        found = await self.steering.retry(context.tenant, document, visible_to)
        if found is None:
            return None
        self.work.set()
        return await self.documents.state(context.tenant, document, None)

    async def cancel(
        self, document: str, context: Context, visible_to: Sequence[str] | None
    ) -> DocumentStateV1 | None:
        """The worker notices within about a second, and removes what it writes until then."""
        if not is_storable(document):
            return None
        found, announcement = await self.steering.cancel(context.tenant, document, visible_to)
        if found is None:
            return None
        if announcement is not None:
            metric("DocumentEnded", 1, status="failed", code="cancelled")
            # Of a worker that was killed there is nobody else who would.
            key = manifest_key(context.tenant, document, announcement.ordinal)
            await self.blobs.delete(key)
            await self.announcer.tell(announcement)
        return await self.documents.state(context.tenant, document, None)

    async def reindex(
        self, document: str, context: Context, visible_to: Sequence[str] | None
    ) -> DocumentStateV1 | None:
        """The same bytes are read anew. Unchanged chunks take their vectors from the cache."""
        if not is_storable(document):
            return None
        found = await self.steering.standing(context.tenant, document, visible_to)
        if found is not None and found.must_be_reindexed() and found.key is not None:
            await self._check_there(found.key)
        found = await self.steering.reindex(origin_of(context), document, visible_to)
        if found is None:
            return None
        self.work.set()
        return await self.documents.state(context.tenant, document, None)

    async def _check_there(self, key: str) -> None:
        """Raises NotPossible when the upload or drop was removed."""
        async for found in self.blobs.keys(key):
            if found == key:
                return
        raise NotPossible(
            "Its original file is not in the bucket any more. Upload the document again."
        )
