"""A gateway over fakes, for tests that need no settings of their own."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.unit.gateway.fakes import Gateway, open_gateway


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with open_gateway() as opened:
        yield opened
