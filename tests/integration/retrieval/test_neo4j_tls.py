"""Neo4j behind TLS with an authority of our own."""

import asyncio
from pathlib import Path

import pytest
from neo4j import AsyncGraphDatabase
from neo4j.exceptions import DriverError

from services.retrieval.store.neo4j.store import trusting
from tests.integration.tls import Authority


@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+s"])
async def test_the_servers_certificate_is_checked_against_the_authorities_given(
    scheme: str, tmp_path: Path
) -> None:
    """The driver greets a server in plain words only after the handshake."""
    authority = Authority(tmp_path)
    greetings: list[bytes] = []

    async def greeted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greetings.append(await reader.readexactly(4))
        writer.close()

    server = await asyncio.start_server(greeted, "127.0.0.1", 0, ssl=authority.context)
    url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def meet(ca_file: Path | None) -> None:
        address, trust = trusting(url, ca_file)
        async with AsyncGraphDatabase.driver(address, **trust) as driver:
            with pytest.raises(DriverError):
                await driver.verify_connectivity()

    try:
        await meet(None)
        assert greetings == []
        await meet(authority.ca_file)
        assert greetings == [bytes.fromhex("6060b017")]
    finally:
        server.close()
