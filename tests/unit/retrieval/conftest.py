"""The service under test: opened by a fixture, closed at the test's end."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio

from services.retrieval.services.ports import GraphStore, Names
from tests.unit.retrieval.house import House
from tests.unit.retrieval.memory_store import MemoryStore

OpenHouse = Callable[..., Awaitable[House]]


@pytest_asyncio.fixture
async def open_house() -> AsyncIterator[OpenHouse]:
    """Opens the service with the store, graph and settings of one test."""
    async with AsyncExitStack() as stack:

        async def opened(
            store: MemoryStore | None = None,
            graph: Names | None = None,
            beside: GraphStore | None = None,
            **settings: Any,
        ) -> House:
            house = House(store or MemoryStore(), graph, beside, settings=settings)
            return await stack.enter_async_context(house)

        yield opened


@pytest_asyncio.fixture
async def house(open_house: OpenHouse) -> House:
    return await open_house()
