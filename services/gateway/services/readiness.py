"""Asks all five services whether they answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.platform.replies import PingV1, PongV1
from contracts.topology import READY_QUEUES
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.ports import Requester

# Pings belong to no tenant, but every envelope names one.
_TENANT = "system"
# An answer is told to all callers for so long.
FRESH_S = 1.0


@dataclass
class Readiness:
    """The others are asked over their queues; the gateway pings its own store."""

    requester: Requester
    ping_store: Callable[[], Awaitable[None]]
    budget_ms: int
    fresh_s: float = FRESH_S
    _asking: "asyncio.Task[dict[str, bool]] | None" = None
    _until: float = 0.0

    async def ask(self) -> dict[str, bool]:
        """Whether it answers, by service. However many ask, the services are asked once."""
        if self._asking is None or (self._asking.done() and time.monotonic() >= self._until):
            self._asking = asyncio.create_task(self._answers())
        # A caller that goes leaves the others their answer.
        return await asyncio.shield(self._asking)

    async def _answers(self) -> dict[str, bool]:
        answers = await asyncio.gather(
            self._own(), *(self._pings(queue) for queue in READY_QUEUES.values())
        )
        self._until = time.monotonic() + self.fresh_s
        return dict(zip(["gateway", *READY_QUEUES], answers, strict=True))

    async def _own(self) -> bool:
        try:
            await self.ping_store()
        except Unavailable:
            return False
        return True

    async def _pings(self, queue: str) -> bool:
        context = Context(tenant=_TENANT)
        try:
            await self.requester.ask(queue, PingV1(), PongV1, context, self.budget_ms)
        except (DeadlineMissed, RequestRefused, Unavailable):
            return False
        return True
