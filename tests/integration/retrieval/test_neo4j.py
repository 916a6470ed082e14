"""What only the Neo4j adapter can do wrong: leavings, a second start, outages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from neo4j import AsyncDriver, AsyncGraphDatabase

from compose.local.ports import HOST, free_ports
from services.retrieval.models.document import Head
from services.retrieval.models.filter import Scope
from services.retrieval.services.ports import GraphStore
from services.retrieval.store.neo4j.store import Neo4jGraphStore, open_neo4j
from shared.errors import Unavailable
from tests.integration.retrieval.test_graph_store import put
from tests.unit.retrieval.making import passages_of, version

pytestmark = pytest.mark.real


@pytest_asyncio.fixture
async def driver(neo4j_url: str) -> AsyncIterator[AsyncDriver]:
    async with AsyncGraphDatabase.driver(neo4j_url) as opened:
        yield opened


async def held(driver: AsyncDriver, tenant: str) -> set[str]:
    """Everything of a tenant, node by node."""
    answer = await driver.execute_query(
        "MATCH (n) WHERE n.tenant = $tenant RETURN labels(n)[0] + ' ' + "
        "coalesce(n.name, n.id, n.document_id) AS node",
        tenant=tenant,
    )
    return {row["node"] for row in answer.records}


async def test_a_deletion_leaves_no_trace_of_its_own(
    neo4j: GraphStore, driver: AsyncDriver, tenant: str
) -> None:
    await put(neo4j, tenant, "a", about=["x"], mentions=["y", "only a"])
    await put(neo4j, tenant, "b", mentions=["x"])
    await neo4j.purge(tenant, "a", Head(1, live=False))
    assert await held(driver, tenant) == {"Version b.md", "Passage b:1:0", "Entity x"}
    await neo4j.purge(tenant, "b", Head(1, live=False))
    assert await held(driver, tenant) == set()


async def test_every_node_of_a_version_bears_its_tenant(
    neo4j: GraphStore, driver: AsyncDriver, tenant: str
) -> None:
    await put(neo4j, tenant, "a", about=["x"], mentions=["y"])
    answer = await driver.execute_query(
        "MATCH (p:Passage {tenant: $tenant})--(n) WHERE n.tenant = $tenant RETURN count(n)",
        tenant=tenant,
    )
    assert answer.records[0][0] == 3


async def test_a_second_start_changes_nothing(neo4j_url: str, tenant: str) -> None:
    async with open_neo4j(neo4j_url) as store:
        await put(store, tenant, "owner", about=["x"])
    async with open_neo4j(neo4j_url) as store:
        await put(store, tenant, "seed", mentions=["x"])
        assert len(await store.links(Scope(tenant), ["seed:1:0"], 3)) == 1


async def test_each_name_of_a_tenant_is_one_node(driver: AsyncDriver, neo4j: GraphStore) -> None:
    await neo4j.ping()
    answer = await driver.execute_query("SHOW CONSTRAINTS YIELD labelsOrTypes, properties, type")
    found = {(row[0][0], *row[1], row[2]) for row in answer.records}
    assert ("Entity", "tenant", "name", "UNIQUENESS") in found
    assert ("Passage", "tenant", "id", "UNIQUENESS") in found


async def test_a_server_that_is_gone_is_an_outage() -> None:
    (port,) = free_ports(1)
    async with AsyncGraphDatabase.driver(
        f"bolt://{HOST}:{port}", max_transaction_retry_time=0
    ) as driver:
        store = Neo4jGraphStore(driver)
        attempts = (
            store.ping(),
            store.index(version("acme", "d"), passages_of("d", 1, ["a"])),
            store.purge("acme", "d", Head(1, live=True)),
            store.links(Scope("acme"), ["d:1:0"], 3),
            store.owners(Scope("acme"), ["x"], 3),
            store.places(Scope("acme"), "x", 3),
            store.subjects(Scope("acme"), ["d:1:0"], 3),
            store.supports(Scope("acme"), ["x"], 3),
        )
        for attempt in attempts:
            with pytest.raises(Unavailable, match="neo4j"):
                await attempt


async def test_a_start_without_the_server_is_a_start_without_the_graph() -> None:
    (port,) = free_ports(1)
    async with open_neo4j(f"bolt://{HOST}:{port}") as store:
        with pytest.raises(Unavailable, match="neo4j"):
            await store.links(Scope("acme"), ["d:1:0"], 3)


async def test_passages_and_names_that_were_left_behind_are_counted_and_removed(
    neo4j: GraphStore, driver: AsyncDriver, tenant: str
) -> None:
    await put(neo4j, tenant, "a", about=["x"], mentions=["y"])
    await put(neo4j, tenant, "b", mentions=["x"])
    await driver.execute_query(
        "MATCH (v:Version {tenant: $tenant, document_id: 'a'}) DETACH DELETE v", tenant=tenant
    )
    assert await neo4j.strays(tenant, remove=False) == 1
    assert await neo4j.strays(tenant, remove=True) == 2, "a name that the passage alone led to"
    assert await neo4j.strays(tenant, remove=False) == 0
    assert await held(driver, tenant) == {"Version b.md", "Passage b:1:0", "Entity x"}


async def test_after_a_lost_server_searches_are_refused_until_plans_are_made_again(
    neo4j_url: str, tenant: str
) -> None:
    there = urlsplit(neo4j_url)
    async with (
        relay(str(there.hostname), there.port or 0) as gate,
        open_neo4j(f"bolt://{HOST}:{gate.port}") as store,
    ):
        await put(store, tenant, "owner", about=["x"])
        await put(store, tenant, "seed", mentions=["x"])
        assert len(await store.links(Scope(tenant), ["seed:1:0"], 3)) == 1
        gate.cut()
        with pytest.raises(Unavailable, match="neo4j"):
            await store.links(Scope(tenant), ["seed:1:0"], 3)
        assert gate.cuts, "no connection was there to be cut"
        with pytest.raises(Unavailable, match="not warm"):
            await store.links(Scope(tenant), ["seed:1:0"], 3)
        await store.prepare()
        assert len(await store.links(Scope(tenant), ["seed:1:0"], 3)) == 1


@dataclass
class Gate:
    """A way to a server; `cut` drops its connections, as a server does that is killed."""

    port: int = 0
    cuts: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.cuts += len(self.writers)
        self.writers.clear()


@asynccontextmanager
async def relay(host: str, port: int) -> AsyncIterator[Gate]:
    gate = Gate()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while part := await reader.read(65_536):
                writer.write(part)
        writer.close()

    async def opened(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, port)
        gate.writers += [writer, far_writer]
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    async with await asyncio.start_server(opened, HOST) as server:
        gate.port = server.sockets[0].getsockname()[1]
        yield gate
        gate.cut()
