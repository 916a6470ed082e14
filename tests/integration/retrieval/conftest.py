"""Every SearchStore adapter there is, each opened empty for each test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from services.retrieval.services.search_store import SearchStore
from services.retrieval.store.sqlite.store import open_sqlite
from tests.unit.retrieval.making import MAPPING
from tests.unit.retrieval.memory_store import MemoryStore

OpenStore = Callable[[], AbstractAsyncContextManager[SearchStore]]


def _memory(_folder: Path) -> OpenStore:
    store = MemoryStore()

    @asynccontextmanager
    async def opened() -> AsyncIterator[SearchStore]:
        yield store

    return opened


def _sqlite(folder: Path) -> OpenStore:
    return lambda: open_sqlite(folder, MAPPING)


ADAPTERS: dict[str, Callable[[Path], OpenStore]] = {"memory": _memory, "sqlite": _sqlite}


@pytest.fixture(params=sorted(ADAPTERS))
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Opens the same store each time it is called, as after a restart."""
    return ADAPTERS[request.param](tmp_path)


@pytest_asyncio.fixture
async def store(open_store: OpenStore) -> AsyncIterator[SearchStore]:
    async with open_store() as opened:
        yield opened
