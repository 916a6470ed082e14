"""moto's server with the whole topology, a prefix of its own for each test."""

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from moto.server import ThreadedMotoServer

from compose.local.provision import provision
from shared.blobs import open_blobs
from shared.messaging import Bus, open_bus
from shared.settings import Settings


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest_asyncio.fixture
async def settings(moto_url: str) -> Settings:
    made = Settings(
        aws_endpoint_url=moto_url,
        aws_account="123456789012",
        name_prefix=f"t{secrets.token_hex(4)}-",
        poll_wait_s=1,
        drain_s=2,
    )
    await provision(made)
    return made


@pytest_asyncio.fixture
async def bus(settings: Settings) -> AsyncIterator[Bus]:
    async with open_blobs(settings) as blobs, open_bus(settings, blobs) as opened:
        yield opened
