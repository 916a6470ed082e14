"""Asks all five services whether they answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.http import Readiness
from contracts.platform.replies import PingV1, PongV1
from contracts.topology import READY_QUEUES
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.ports import Requester

# Pings belong to no tenant; the envelope wants one.
_CONTEXT_TENANT = "system"


@dataclass(frozen=True)
class AskReadiness:
    """The others over their queues, the gateway by its own store, which raises Unavailable."""

    requester: Requester
    own_store: Callable[[], Awaitable[None]]
    budget_ms: int

    async def __call__(self) -> Readiness:
        names = list(READY_QUEUES)
        answers = await asyncio.gather(
            self._own(), *(self._pings(queue) for queue in READY_QUEUES.values())
        )
        services = dict(zip(["gateway", *names], answers, strict=True))
        return Readiness(
            ready=all(answers),
            services={name: "ok" if fine else "no answer" for name, fine in services.items()},
        )

    async def _own(self) -> bool:
        try:
            await self.own_store()
        except Unavailable:
            return False
        return True

    async def _pings(self, queue: str) -> bool:
        context = Context(tenant=_CONTEXT_TENANT)
        try:
            await self.requester.ask(queue, PingV1(), PongV1, context, self.budget_ms)
        except (DeadlineMissed, RequestRefused, Unavailable):
            return False
        return True
