"""Real OpenSearch and Neo4j with their stores open, and what they take of the machine."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from compose.local.fleet import Fleet
from compose.local.layout import Layout
from compose.local.ports import free_ports
from compose.local.process_list import ProcessList
from compose.local.progress import Silent
from compose.local.real.neo4j.node import neo4j
from compose.local.real.neo4j.node import url as neo4j_url
from compose.local.real.opensearch.node import opensearch
from compose.local.real.opensearch.node import url as opensearch_url
from services.retrieval.services.ports import GraphStore, SearchStore
from services.retrieval.store.neo4j.store import open_neo4j
from services.retrieval.store.opensearch.store import open_opensearch
from tests.bench.library import Document
from tests.quality.embedder import SPACE

NAMES = ("opensearch", "neo4j")
# Where each keeps what it stores; transaction logs lie elsewhere, or are left out below.
_DATA = {"opensearch": "opensearch/data", "neo4j": "neo4j/data/databases"}


@dataclass(frozen=True)
class Servers:
    search: SearchStore
    graph: GraphStore
    pids: Mapping[str, int]

    async def put(self, document: Document) -> None:
        await document.put(self.search)
        await self.graph.index(document.version, document.passages)

    def resident(self) -> dict[str, int]:
        """Bytes of each server."""
        return {name: psutil.Process(self.pids[name]).memory_info().rss for name in NAMES}


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[Servers]:
    """Empty, on ports of their own; stopped cleanly, so that all they stored is on disk then."""
    layout = Layout(folder)
    layout.prepare()
    search_port, graph_port = free_ports(2)
    fleet = Fleet(layout.logs, ProcessList(layout.processes), Silent())
    try:
        await fleet.run(opensearch(folder / "opensearch", search_port))
        await fleet.run(neo4j(folder / "neo4j", graph_port))
        async with (
            open_opensearch(opensearch_url(search_port), SPACE) as search,
            open_neo4j(neo4j_url(graph_port)) as graph,
        ):
            yield Servers(search, graph, fleet.pids())
    finally:
        await fleet.stop(NAMES)


def on_disk(folder: Path) -> dict[str, int]:
    """Bytes that each has stored."""
    return {
        name: sum(
            path.stat().st_size
            for path in (folder / data).rglob("*")
            if path.is_file() and "translog" not in path.parts
        )
        for name, data in _DATA.items()
    }
