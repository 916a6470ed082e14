"""Each loop says honestly whether it gets on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from services.ingestion.models.times import Times
from services.ingestion.services.reconciling import Reconciliation
from services.ingestion.services.upkeep import Upkeep
from services.ingestion.services.working.worker import Worker
from shared.clock import SystemClock
from shared.lifecycle import Runnable
from shared.ports import Listed
from shared.testing.probe import until
from shared.testing.running import running

TIMES = Times(idle_poll_s=0.01, probe_s=0.01, upkeep_s=0.01, reconcile_s=0.01, stuck_s=0.3)


@dataclass
class Store:
    """Nothing to do, and no answer while `gate` is closed."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0

    async def claim(self, places: int) -> list[Any]:
        self.calls += 1
        await self.gate.wait()
        return []

    async def deletions(self) -> list[Any]:
        return await self.claim(1)

    async def due(self) -> list[Any]:
        return []

    async def leftovers(self) -> list[Any]:
        return []

    async def listed(self, prefix: str, after: str = "") -> AsyncIterator[Sequence[Listed]]:
        yield await self.claim(1)


def worker(store: Any) -> Runnable:
    return Worker(store, cast(Any, None), cast(Any, None), asyncio.Event(), 1, TIMES)


def upkeep(store: Any) -> Runnable:
    return Upkeep(store, store, (), cast(Any, None), store, asyncio.Event(), TIMES)


def reconciliation(store: Any) -> Runnable:
    return Reconciliation(store, store, cast(Any, None), SystemClock(), TIMES)


@pytest.mark.parametrize("made", [worker, upkeep, reconciliation])
async def test_a_loop_that_does_not_come_round_is_not_alive(
    made: Callable[[Any], Runnable],
) -> None:
    store = Store()
    runnable = made(store)
    async with running(runnable):
        await until(lambda: store.calls)
        assert runnable.alive()
        await until(lambda: not runnable.alive())
        store.gate.set()
        await until(lambda: store.calls > 3)
        assert runnable.alive()
