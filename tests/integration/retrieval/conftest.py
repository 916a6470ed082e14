"""Every SearchStore adapter there is, each opened empty for each test."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from opensearchpy import OpenSearch

from services.retrieval.models.document import Head, Version
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.services.ports import GraphStore, SearchStore
from services.retrieval.store.neo4j.store import open_neo4j
from services.retrieval.store.opensearch.store import open_opensearch
from services.retrieval.store.sqlite.store import SqliteSearchStore, open_sqlite
from tests.integration.retrieval.real_servers import real_neo4j, real_opensearch
from tests.unit.retrieval.making import SPACE
from tests.unit.retrieval.memory_store import MemoryStore

OpenStore = Callable[[], AbstractAsyncContextManager[SearchStore]]


@pytest.fixture(scope="session")
def opensearch_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from real_opensearch(tmp_path_factory.mktemp("opensearch"))


@pytest.fixture(scope="session")
def neo4j_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from real_neo4j(tmp_path_factory.mktemp("neo4j"))


@pytest.fixture
def prefix(opensearch_url: str) -> Iterator[str]:
    """Index names of one test; its indices are gone after it."""
    made = f"test-{uuid4().hex[:12]}-"
    yield made
    with OpenSearch(opensearch_url) as client:
        for index in client.indices.get(index=f"{made}*", expand_wildcards="all"):
            client.indices.delete(index=index)


@pytest.fixture
def memory() -> OpenStore:
    store = MemoryStore()

    @asynccontextmanager
    async def opened() -> AsyncIterator[SearchStore]:
        yield store

    return opened


@pytest.fixture
def sqlite(tmp_path: Path) -> OpenStore:
    return lambda: open_sqlite(tmp_path, SPACE)


@pytest.fixture
def opensearch(opensearch_url: str, prefix: str) -> OpenStore:
    return lambda: open_opensearch(opensearch_url, SPACE, prefix)


ADAPTERS = ["memory", "sqlite", pytest.param("opensearch", marks=pytest.mark.real)]


@pytest.fixture(params=ADAPTERS)
def open_store(request: pytest.FixtureRequest) -> OpenStore:
    """Opens the same store each time it is called, as after a restart."""
    made: OpenStore = request.getfixturevalue(request.param)
    return made


@pytest_asyncio.fixture
async def store(open_store: OpenStore) -> AsyncIterator[SearchStore]:
    async with open_store() as opened:
        yield opened


@pytest_asyncio.fixture
async def neo4j(neo4j_url: str) -> AsyncIterator[GraphStore]:
    async with open_neo4j(neo4j_url) as opened:
        yield opened


class EmbeddedGraph:
    """The embedded store's own graph: what is indexed is shown, and heads outdate by themselves."""

    def __init__(self, store: SqliteSearchStore) -> None:
        self._store = store
        self.ping = self.prepare = store.ping
        self.links, self.owners = store.links, store.owners
        self.places, self.subjects, self.supports = store.places, store.subjects, store.supports
        self.holdings, self.drop, self.strays = store.holdings, store.drop, store.strays

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        await self._store.index(version, passages)
        await self._store.promote(version.tenant, version.document_id, version.ordinal)
        return len({name for p in passages for name in (*p.mentions, *p.about)})

    async def purge(self, tenant: str, document_id: str, head: Head) -> int:
        move = self._store.promote if head.live else self._store.hide
        await move(tenant, document_id, head.ordinal)
        return (await self._store.purge(tenant, document_id)).names

    async def remove_tenant(self, tenant: str) -> int:
        return (await self._store.remove_tenant(tenant)).names


@pytest_asyncio.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[GraphStore]:
    async with open_sqlite(tmp_path, SPACE) as opened:
        yield EmbeddedGraph(opened)


GRAPH_ADAPTERS = ["embedded", pytest.param("neo4j", marks=pytest.mark.real)]


@pytest.fixture(params=GRAPH_ADAPTERS)
def graph(request: pytest.FixtureRequest) -> GraphStore:
    made: GraphStore = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def tenant() -> str:
    """A tenant of one test: the graph's server keeps what other tests left."""
    return f"t-{uuid4().hex[:12]}"
