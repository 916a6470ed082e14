"""A bus on an emulator that holds the whole topology."""

from collections.abc import AsyncIterator

import pytest_asyncio

from compose.local.provision import provision
from shared.blobs import open_blobs
from shared.messaging import Bus, open_bus
from shared.settings import Settings
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix


@pytest_asyncio.fixture
async def settings(moto_url: str) -> Settings:
    made = Settings(
        aws_endpoint_url=moto_url,
        aws_account=MOTO_ACCOUNT,
        name_prefix=own_prefix(),
        poll_wait_s=1,
        drain_s=2,
    )
    await provision(made)
    return made


@pytest_asyncio.fixture
async def bus(settings: Settings) -> AsyncIterator[Bus]:
    async with open_blobs(settings) as blobs, open_bus(settings, blobs) as opened:
        yield opened
