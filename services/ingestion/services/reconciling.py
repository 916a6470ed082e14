"""What the carrier bucket holds against what the registry knows, for messages that were lost."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from contracts.topology import INBOX_PREFIX, UPLOADS_PREFIX
from services.ingestion.models.errors import Unwelcome
from services.ingestion.models.times import Times
from services.ingestion.services.intake.intake import TakeIn, is_folder
from services.ingestion.services.ports import Carrier, Registry
from shared.errors import described
from shared.ports import Clock, Listed

logger = logging.getLogger(__name__)


class Reconciliation:
    """A runnable: at start and regularly. Several processes may do it at the same time."""

    def __init__(
        self, carrier: Carrier, registry: Registry, take_in: TakeIn, clock: Clock, times: Times
    ) -> None:
        self._carrier, self._registry, self._take_in = carrier, registry, take_in
        self._clock, self._times = clock, times
        self._stop = asyncio.Event()
        self._moved_at = time.monotonic()

    def stop(self) -> None:
        self._stop.set()

    def alive(self) -> bool:
        """False when no page was done for longer than a pause and a page may take."""
        return time.monotonic() - self._moved_at < self._times.reconcile_s + self._times.stuck_s

    async def run(self) -> None:
        while not self._stop.is_set():
            try:
                await self._drops()
                await self._uploads()
                pause = self._times.reconcile_s
            except Exception as error:
                pause = min(self._times.reconcile_s, self._times.reconcile_again_s)
                fields = {"reason": described(error)}
                logger.exception("reconciliation_failed", extra={"fields": fields})
            self._moved_at = time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)

    async def _drops(self) -> None:
        """Takes in those of which no notification came."""
        async for page in self._carrier.listed(INBOX_PREFIX):
            files = [one for one in page if not is_folder(one.key, one.size)]
            for drop in await self._unused(files, self._times.drop_age_s):
                try:
                    await self._take_in.found(drop)
                except Unwelcome as error:
                    fields = {"reason": str(error)}
                    logger.warning("drop_refused", extra={"fields": fields})
            if self._stop.is_set():
                return

    async def _uploads(self) -> None:
        """Deletes those that nothing uses and no message can bring any more."""
        async for page in self._carrier.listed(UPLOADS_PREFIX):
            for upload in await self._unused(page, self._times.unused_upload_s):
                await self._carrier.delete(upload.key)
                logger.info("unused_upload_deleted")
            if self._stop.is_set():
                return

    async def _unused(self, page: Sequence[Listed], age_s: float) -> list[Listed]:
        """Those older than `age_s` that no version has."""
        self._moved_at = time.monotonic()
        before = self._clock.now() - timedelta(seconds=age_s)
        old = [one for one in page if one.modified < before]
        if not old:
            return []
        unused = await self._registry.unused([one.key for one in old])
        return [one for one in old if one.key in unused]
