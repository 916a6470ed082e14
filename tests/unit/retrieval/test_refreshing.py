"""One refresh at a time, shared by those who asked before it began."""

import asyncio

import pytest

from services.retrieval.store.opensearch.store import Refresher


class Index:
    """Counts refreshes; each waits until it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.running, self.go = asyncio.Event(), asyncio.Event()
        self.broken = False

    async def refresh(self) -> None:
        self.begun += 1
        self.running.set()
        await self.go.wait()
        if self.broken:
            raise ConnectionError


async def test_those_who_wait_share_the_next_one() -> None:
    index = Index()
    refresher = Refresher(index.refresh)
    first = asyncio.create_task(refresher.refresh())
    await index.running.wait()
    # What these wrote may have come after the first one looked.
    others = [asyncio.create_task(refresher.refresh()) for _ in range(10)]
    await asyncio.sleep(0)
    index.go.set()
    await asyncio.gather(first, *others)
    assert index.begun == 2


async def test_one_after_another_is_one_each() -> None:
    index = Index()
    index.go.set()
    refresher = Refresher(index.refresh)
    for _ in range(3):
        await refresher.refresh()
    assert index.begun == 3


async def test_a_failed_one_counts_for_nobody() -> None:
    index = Index()
    refresher = Refresher(index.refresh)
    waiting = [asyncio.create_task(refresher.refresh()) for _ in range(3)]
    await index.running.wait()
    index.broken = True
    index.go.set()
    with pytest.raises(ConnectionError):
        await waiting[0]
    for task in waiting[1:]:
        with pytest.raises(ConnectionError):
            await task
    index.broken = False
    await refresher.refresh()
    assert index.begun == 4
