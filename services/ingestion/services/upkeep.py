"""What must happen in the end: announcements re-sent, deleted and replaced objects removed."""

import asyncio
import logging
from contextlib import suppress

from contracts.ingestion.manifest import manifest_key
from services.ingestion.models.version import Deletion, Leftover
from services.ingestion.services.announcing import Announcer
from services.ingestion.store.cleaning import Cleaning
from services.ingestion.store.extractions import Extractions
from services.ingestion.store.ledger import Ledger
from services.ingestion.store.vectors import Vectors
from shared.observability import bound, span
from shared.ports import Blobs

logger = logging.getLogger(__name__)
HOUSEKEEPING_S = 600.0


class Upkeep:
    """A runnable. `wake` is set by a deletion; everything else waits for the next round."""

    def __init__(
        self,
        ledger: Ledger,
        cleaning: Cleaning,
        vectors: Vectors,
        extractions: Extractions,
        announcer: Announcer,
        blobs: Blobs,
        wake: asyncio.Event,
        every_s: float,
    ) -> None:
        self._ledger, self._cleaning = ledger, cleaning
        self._vectors, self._extractions = vectors, extractions
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
        """A failure costs one round, never the loop: what is left is due again."""
        try:
            for deletion in await self._cleaning.purges():
                await self._purge(deletion)
            due = await self._ledger.due()
            await asyncio.gather(*(self._announcer.tell(one) for one in due))
            for leftover in await self._cleaning.replaced():
                await self._clean(leftover)
        except Exception:
            logger.exception("round_failed")

    async def _purge(self, deletion: Deletion) -> None:
        """Announced first: what is invisible may be removed, not the other way round."""
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
            await self._cleaning.purged(deletion)
            logger.info("purged", extra={"fields": {"document_id": deletion.document_id}})

    async def _clean(self, leftover: Leftover) -> None:
        key = manifest_key(leftover.tenant, leftover.document_id, leftover.ordinal)
        await self._blobs.delete(key)
        if leftover.key is not None:
            await self._blobs.delete(leftover.key)
        await self._cleaning.cleaned(leftover)

    async def _housekeeping(self) -> None:
        try:
            await self._vectors.prune()
            await self._extractions.prune()
            await self._cleaning.forget_messages()
        except Exception:
            logger.exception("housekeeping_failed")
