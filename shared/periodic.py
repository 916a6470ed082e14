"""Work that is done again and again until it is told to stop."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from shared.errors import DeadlineMissed, RequestRefused, Unavailable, described

logger = logging.getLogger(__name__)
STUCK_S = 600.0


class Periodic:
    """A Runnable: `job` at once, then each time `every_s` seconds after a round has ended.

    A round that fails is logged, and the next one tries again. A stop waits for the round under
    way, or cancels it when the job `breaks_off`. Not alive when a round takes longer than
    `stuck_s` seconds.
    """

    def __init__(
        self,
        job: Callable[[], Awaitable[object]],
        every_s: float,
        *,
        breaks_off: bool = False,
        stuck_s: float = STUCK_S,
    ) -> None:
        self.job, self.every_s = job, every_s
        self._breaks_off, self._stuck_s = breaks_off, stuck_s
        self._stopping = asyncio.Event()
        self._moved_at = time.monotonic()

    async def run(self) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                await self._round(stopping)
                self._moved_at = time.monotonic()
                await asyncio.wait([stopping], timeout=self.every_s)
        finally:
            stopping.cancel()

    def stop(self) -> None:
        self._stopping.set()

    def alive(self) -> bool:
        return time.monotonic() - self._moved_at < self.every_s + self._stuck_s

    async def _round(self, stopping: asyncio.Task[bool]) -> None:
        work = asyncio.create_task(self._try())
        try:
            if self._breaks_off:
                await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.wait([work])
        finally:
            work.cancel()
            await asyncio.wait([work])

    async def _try(self) -> None:
        fields = {"job": getattr(self.job, "__qualname__", repr(self.job))}
        try:
            await self.job()
        except (DeadlineMissed, RequestRefused, Unavailable) as error:
            logger.warning("round_put_off", extra={"fields": fields | {"reason": described(error)}})
        except Exception:
            logger.exception("round_failed", extra={"fields": fields})
