"""What has to happen in the end: events published again, deleted and replaced versions purged."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Sequence
from contextlib import suppress

from contracts.ingestion.manifest import manifest_key, manifests_of, read_key
from contracts.topology import INBOX_PREFIX
from services.ingestion.models.times import Times
from services.ingestion.models.version import Deletion, Leftover
from services.ingestion.services.announcing import Announcer
from services.ingestion.services.ports import (
    Carrier,
    ExtractionCache,
    Purging,
    VectorCache,
    Worklist,
)
from shared.errors import Unavailable, described
from shared.observability import bound, span

logger = logging.getLogger(__name__)
PURGES_AT_ONCE = 4


class Upkeep:
    """A runnable. `wake` is set by a deletion; everything else waits for the next round.

    What fails is logged and comes back in a later round; the rest of its round goes on.
    """

    def __init__(
        self,
        worklist: Worklist,
        purging: Purging,
        caches: Sequence[VectorCache | ExtractionCache],
        announcer: Announcer,
        carrier: Carrier,
        wake: asyncio.Event,
        times: Times,
    ) -> None:
        self._worklist, self._purging, self._caches = worklist, purging, caches
        self._announcer, self._carrier = announcer, carrier
        self._wake, self._times = wake, times
        self._stopping = False
        self._moved_at = time.monotonic()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def alive(self) -> bool:
        """False when no step of a round has ended for longer than a pause and a step may take."""
        return time.monotonic() - self._moved_at < self._times.upkeep_s + self._times.stuck_s

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        housekeeping_at = loop.time() + self._times.housekeeping_s
        while not self._stopping:
            await self.look()
            if loop.time() >= housekeeping_at:
                housekeeping_at = loop.time() + self._times.housekeeping_s
                await self._housekeeping()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._times.upkeep_s)
            if not self._stopping:
                self._wake.clear()

    async def look(self) -> None:
        """One round: everything that is due now."""
        await self._step("purge_deleted", self._purge_deleted())
        await self._step("announce_due", self._announce_due())
        await self._step("purge_replaced", self._purge_replaced())

    async def _housekeeping(self) -> None:
        for cache in self._caches:
            await self._step("prune", cache.prune())
        await self._step("remove_old_intakes", self._purging.remove_old_intakes())

    async def _step(self, name: str, work: Awaitable[object]) -> None:
        """Whatever goes wrong in a step must not keep the others from their turn."""
        try:
            await work
        except Unavailable as error:
            fields = {"step": name, "dependency": error.dependency}
            logger.warning("upkeep_put_off", extra={"fields": fields})
        except Exception as error:
            fields = {"step": name, "reason": described(error)}
            logger.exception("upkeep_failed", extra={"fields": fields})
        self._moved_at = time.monotonic()

    async def _purge_deleted(self) -> None:
        """All that are due, each once: a deleted archive has as many as it has members.

        A deleted tenant may have a hundred thousand, so announcements come in between.
        """
        gate = asyncio.Semaphore(PURGES_AT_ONCE)
        purged: set[tuple[str, int]] = set()

        async def purge(deletion: Deletion) -> None:
            async with gate:
                await self._step("purge_document", self._purge(deletion))

        while True:
            due = await self._purging.deletions()
            new = [one for one in due if (one.document_id, one.ordinal) not in purged]
            if not new:
                return
            await asyncio.gather(*(purge(one) for one in new))
            purged |= {(one.document_id, one.ordinal) for one in new}
            await self._step("announce_due", self._announce_due())

    async def _announce_due(self) -> None:
        due = await self._worklist.due()
        await asyncio.gather(*(self._step("announce", self._announcer.tell(one)) for one in due))

    async def _purge_replaced(self) -> None:
        for leftover in await self._purging.leftovers():
            await self._step("purge_version", self._purge_leftover(leftover))

    async def _purge(self, deletion: Deletion) -> None:
        """Announced first, so that nobody finds a document whose objects are removed already.

        Manifests are looked for, not computed: one that nobody should have written goes too.
        """
        origin = deletion.origin
        with (
            bound(tenant=origin.tenant, correlation_id=origin.correlation_id),
            span("purge_document", parent=origin.traceparent),
        ):
            await self._announcer.tell_deletion(deletion)
            removed = Counter(manifests=0, uploads=0, inbox=0)
            for key in await self._objects(deletion):
                await self._carrier.delete(key)
                removed[key.partition("/")[0]] += 1
            await self._purging.purged(deletion, removed)
            logger.info("purged", extra={"fields": {"document_id": deletion.document_id}})

    async def _objects(self, deletion: Deletion) -> list[str]:
        """Those that are there. A drop that did not come before the deletion is another one."""
        manifests = manifests_of(deletion.origin.tenant, deletion.document_id)
        found = []
        async for key in self._carrier.keys(manifests):
            version = read_key(key)
            if version is None or version[2] <= deletion.ordinal:
                found.append(key)
        for wanted in deletion.keys:
            async for page in self._carrier.listed(wanted):
                for one in page:
                    later = one.key.startswith(INBOX_PREFIX) and one.modified >= deletion.at
                    if one.key == wanted and not later:
                        found.append(wanted)
        return found

    async def _purge_leftover(self, leftover: Leftover) -> None:
        key = manifest_key(leftover.tenant, leftover.document_id, leftover.ordinal)
        await self._carrier.delete(key)
        if leftover.key is not None:
            await self._carrier.delete(leftover.key)
        await self._purging.purged_leftover(leftover)
