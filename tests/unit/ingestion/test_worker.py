"""A worker that is interrupted cleans up, however often it is told."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from services.ingestion.models.times import Times
from services.ingestion.models.version import Claim, Description, Origin
from services.ingestion.services.working.worker import Worker
from shared.testing.probe import until
from shared.testing.running import running

TIMES = Times(idle_poll_s=0.01, watch_s=0.01)
CLAIM = Claim(
    claim="c1",
    document_id="d1",
    ordinal=1,
    name="a.txt",
    origin=Origin("acme", "m1", "r1"),
    description=Description(),
    created_at=datetime.now(UTC),
)


@dataclass
class Cancelled:
    """The worklist and the work of one version that was cancelled while it was worked on."""

    claims: list[Claim] = field(default_factory=lambda: [CLAIM])
    watched: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    discarding: bool = False
    discarded: list[str] = field(default_factory=list)

    async def claim(self, places: int) -> list[Claim]:
        claims, self.claims = self.claims, []
        return claims

    async def watch(self, claims: Sequence[Claim], long: Sequence[Claim]) -> set[str]:
        self.watched += 1
        return set()

    async def ingest(self, claim: Claim) -> None:
        await asyncio.Event().wait()

    async def discard(self, claim: Claim) -> None:
        self.discarding = True
        await self.go_on.wait()
        self.discarded.append(claim.document_id)


@pytest.mark.parametrize("stopped", [False, True])
async def test_what_a_cancelled_version_left_is_removed(stopped: bool) -> None:
    work = Cancelled()
    both = cast(Any, work)
    worker = Worker(both, both, cast(Any, None), asyncio.Event(), 1, TIMES)
    async with running(worker):
        await until(lambda: work.discarding)
        seen = work.watched
        await until(lambda: work.watched > seen + 2)
        if stopped:
            # The stop waits for it.
            worker.stop()
            asyncio.get_running_loop().call_later(0.05, work.go_on.set)
        else:
            work.go_on.set()
            await until(lambda: work.discarded)
    assert work.discarded == ["d1"]
