"""The service under test: opened by a fixture, closed at the test's end."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio

from tests.unit.retrieval.house import House

OpenHouse = Callable[..., Awaitable[House]]


@pytest_asyncio.fixture
async def open_house() -> AsyncIterator[OpenHouse]:
    """`open_house(store=…, graph=…, leg_budget_ms=…)`: other names than these two are settings."""
    async with AsyncExitStack() as stack:

        async def opened(**given: Any) -> House:
            parts = {name: given.pop(name) for name in ("store", "graph") if name in given}
            house = House(**parts, settings=given)
            await house.open()
            stack.push_async_callback(house.close)
            return house

        yield opened


@pytest_asyncio.fixture
async def house(open_house: OpenHouse) -> House:
    return await open_house()
