"""Asks all five services whether they answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.platform.replies import PingV1, PongV1
from contracts.topology import READY_QUEUES
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.ports import Requester

# Pings belong to no tenant, but every envelope names one.
_TENANT = "system"


@dataclass(frozen=True)
class Readiness:
    """The others are asked over their queues; the gateway pings its own store."""

    requester: Requester
    ping_store: Callable[[], Awaitable[None]]
    budget_ms: int

    async def ask(self) -> dict[str, bool]:
        """Whether it answers, by service."""
        answers = await asyncio.gather(
            self._own(), *(self._pings(queue) for queue in READY_QUEUES.values())
        )
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
