"""Pauses polling while a dependency is down: one probe each 5 s, then one message, then all."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from shared.errors import Unavailable
from shared.observability import metric

logger = logging.getLogger(__name__)
Probe = Callable[[], Awaitable[None]]
PROBE_EVERY_S = 5.0


class Breaker:
    """Closed: poll freely. Open: wait and probe. Half open: one message decides."""

    def __init__(self, name: str, probe: Probe | None, every_s: float = PROBE_EVERY_S) -> None:
        self._name, self._probe, self._every_s = name, probe, every_s
        self._opened_at: float | None = None
        self._half_open = False

    @property
    def closed(self) -> bool:
        return self._opened_at is None

    def trip(self, error: Unavailable) -> None:
        if self.closed:
            fields = {"queue": self._name, "dependency": error.dependency}
            logger.warning("breaker_opened", extra={"fields": fields})
        metric("BreakerOpen", 1, "None", queue=self._name)
        self._opened_at, self._half_open = time.monotonic(), False

    def succeeded(self) -> None:
        """A handler came through: whatever was down answers again."""
        if self._half_open:
            logger.info("breaker_closed", extra={"fields": {"queue": self._name}})
            metric("BreakerOpen", 0, "None", queue=self._name)
            self._opened_at, self._half_open = None, False

    async def allowance(self, wanted: int, stopping: asyncio.Event) -> int:
        """How many messages may be received now: `wanted`, 1 when half open; 0 when stopping."""
        while not self.closed and not self._half_open:
            try:
                await asyncio.wait_for(stopping.wait(), self._every_s)
            except TimeoutError:
                self._half_open = await self._answers()
            else:
                return 0
        return 1 if self._half_open else wanted

    async def _answers(self) -> bool:
        if self._probe is None:
            return True
        try:
            await self._probe()
        except Unavailable as error:
            self.trip(error)
            return False
        return True
