"""What has to happen in the end: events published again, deleted and replaced versions purged."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from contracts.ingestion.manifest import manifest_key
from services.ingestion.models.version import Deletion, Leftover
from services.ingestion.services.announcing import Announcer
from services.ingestion.services.ports import ExtractionCache, Purging, VectorCache, Worklist
from shared.observability import bound, span
from shared.ports import Blobs

logger = logging.getLogger(__name__)
HOUSEKEEPING_S = 600.0


class Upkeep:
    """A runnable. `wake` is set by a deletion; everything else waits for the next round."""

    def __init__(
        self,
        worklist: Worklist,
        purging: Purging,
        caches: Sequence[VectorCache | ExtractionCache],
        announcer: Announcer,
        blobs: Blobs,
        wake: asyncio.Event,
        every_s: float,
    ) -> None:
        self._worklist, self._purging, self._caches = worklist, purging, caches
        self._announcer, self._blobs = announcer, blobs
        self._wake, self._every_s = wake, every_s
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        housekeeping_at = loop.time() + HOUSEKEEPING_S
        while not self._stopping:
            await self._round()
            if loop.time() >= housekeeping_at:
                housekeeping_at = loop.time() + HOUSEKEEPING_S
                await self._housekeeping()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._every_s)
            if not self._stopping:
                self._wake.clear()

    async def _round(self) -> None:
        """An error ends the round, not the loop: what is left comes back in a later round."""
        try:
            for deletion in await self._purging.deletions():
                await self._purge(deletion)
            due = await self._worklist.due()
            await asyncio.gather(*(self._announcer.tell(one) for one in due))
            for leftover in await self._purging.leftovers():
                await self._purge_leftover(leftover)
        except Exception:
            logger.exception("round_failed")

    async def _purge(self, deletion: Deletion) -> None:
        """Announced first, so that nobody finds a document whose objects are removed already."""
        origin = deletion.origin
        with (
            bound(tenant=origin.tenant, correlation_id=origin.correlation_id),
            span("purge_document", parent=origin.traceparent),
        ):
            await self._announcer.tell_deletion(deletion)
            for ordinal in deletion.ordinals:
                key = manifest_key(origin.tenant, deletion.document_id, ordinal)
                await self._blobs.delete(key)
            for key in deletion.keys:
                await self._blobs.delete(key)
            await self._purging.purged(deletion)
            logger.info("purged", extra={"fields": {"document_id": deletion.document_id}})

    async def _purge_leftover(self, leftover: Leftover) -> None:
        key = manifest_key(leftover.tenant, leftover.document_id, leftover.ordinal)
        await self._blobs.delete(key)
        if leftover.key is not None:
            await self._blobs.delete(leftover.key)
        await self._purging.purged_leftover(leftover)

    async def _housekeeping(self) -> None:
        try:
            for cache in self._caches:
                await cache.prune()
            await self._purging.remove_old_intakes()
        except Exception:
            logger.exception("housekeeping_failed")
