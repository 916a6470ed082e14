"""The whole of retrieval, wired on one screen."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.retrieval.graph import GraphRequestedV1
from contracts.retrieval.search import SearchRequestedV1
from services.retrieval.controllers.document_chunked import DocumentChunked
from services.retrieval.controllers.document_deleted import DocumentDeleted
from services.retrieval.controllers.graph_requested import GraphRequested
from services.retrieval.controllers.search_requested import SearchRequested
from services.retrieval.models.mapping import Mapping
from services.retrieval.services.forgetting import Forgetting
from services.retrieval.services.graph_store import GraphStore, Names
from services.retrieval.services.indexing import Indexing
from services.retrieval.services.manifests import Manifests
from services.retrieval.services.neighbourhood import Neighbourhood
from services.retrieval.services.rebuilding import Rebuild
from services.retrieval.services.reranking import Breaker, Reranker
from services.retrieval.services.search import Defaults, Search
from services.retrieval.services.search_store import SearchStore, Successor
from services.retrieval.services.spending import Meter
from services.retrieval.settings import RetrievalSettings
from services.retrieval.store.neo4j.store import open_neo4j
from services.retrieval.store.opensearch.store import open_opensearch
from services.retrieval.store.sqlite.store import open_sqlite
from shared.bedrock import open_model
from shared.blobs import open_blobs
from shared.lifecycle import Service
from shared.messaging import LINGER_S, Bus, BusPublisher, Consumer, open_bus
from shared.ports import Blobs, Model


@asynccontextmanager
async def bootstrap(
    settings: RetrievalSettings | None = None,
    *,
    store: SearchStore | None = None,
    graph: Names | None = None,
    model: Model | None = None,
    blobs: Blobs | None = None,
    bus: Bus | None = None,
) -> AsyncIterator[Service]:
    settings = settings or RetrievalSettings()
    mapping = Mapping(settings.embedding_model, settings.embedding_dimension)
    async with AsyncExitStack() as stack:
        beside: GraphStore | None = None
        if store is None:
            store, graph, beside = await open_stores(stack, settings, mapping)
        if model is None:
            model = await stack.enter_async_context(open_model(settings))
        if blobs is None:
            blobs = await stack.enter_async_context(open_blobs(settings))
        if bus is None:
            bus = await stack.enter_async_context(open_bus(settings, blobs))
        publisher = BusPublisher(bus)
        meter = Meter(publisher)
        # Before the bus closes: model calls that outlived their request are still to be metered.
        stack.push_async_callback(meter.drain)
        rerank, preset = reranker(settings, model), defaults(settings)
        search = Search(store, model, mapping, meter, rerank, preset, graph)
        around = GraphRequested(Neighbourhood(graph, store, preset.leg_budget_s))
        manifests = Manifests(blobs, model, publisher, mapping)
        indexing = Indexing(store, manifests, publisher, beside)
        deleted, written = DocumentDeleted(Forgetting(store, beside)), all_answer(store, beside)
        yield Service(
            [
                Consumer(
                    bus,
                    "retrieval-index",
                    {DocumentChunkedV1: DocumentChunked(indexing)},
                    concurrency=settings.index_concurrency,
                    probe=written,
                    linger_s=LINGER_S,
                ),
                Consumer(bus, "retrieval-control", {DocumentDeletedV1: deleted}, probe=written),
                Consumer(
                    bus,
                    "retrieval-queries",
                    {SearchRequestedV1: SearchRequested(search), GraphRequestedV1: around},
                    concurrency=settings.query_concurrency,
                    probe=store.ping,
                ),
            ]
        )


def all_answer(store: SearchStore, beside: GraphStore | None) -> Callable[[], Awaitable[None]]:
    """What is written to both waits for both."""

    async def probe() -> None:
        await store.ping()
        if beside is not None:
            await beside.ping()

    return probe


async def open_stores(
    stack: AsyncExitStack, settings: RetrievalSettings, mapping: Mapping, *, beside: bool = False
) -> tuple[Successor, Names | None, GraphStore | None]:
    """Passages, the graph that searches follow, and the graph that is written beside, if any."""
    if settings.search_store == "sqlite":
        opened = open_sqlite(settings.sqlite_path, mapping, beside=beside)
        embedded = await stack.enter_async_context(opened)
        return embedded, embedded, None
    prefix = settings.resource("ragops-").lower()
    search = await stack.enter_async_context(
        open_opensearch(settings.opensearch_url, mapping, prefix, beside=beside)
    )
    if settings.neo4j_url is None:
        return search, None, None
    graph = await stack.enter_async_context(
        open_neo4j(settings.neo4j_url, settings.neo4j_user, settings.neo4j_password)
    )
    return search, graph, graph


@asynccontextmanager
async def rebuilding(settings: RetrievalSettings) -> AsyncIterator[tuple[Rebuild, Successor]]:
    """For the operators' command: the store of these settings, whatever is served meanwhile."""
    mapping = Mapping(settings.embedding_model, settings.embedding_dimension)
    async with AsyncExitStack() as stack:
        store, _, graph = await open_stores(stack, settings, mapping, beside=True)
        model = await stack.enter_async_context(open_model(settings))
        blobs = await stack.enter_async_context(open_blobs(settings))
        publisher = BusPublisher(await stack.enter_async_context(open_bus(settings, blobs)))
        manifests = Manifests(blobs, model, publisher, mapping)
        yield Rebuild(store, manifests, blobs, graph), store


def defaults(settings: RetrievalSettings) -> Defaults:
    return Defaults(
        settings.default_legs,
        settings.default_fusion,
        settings.leg_budget_ms / 1000,
        settings.graph_weight,
    )


def reranker(settings: RetrievalSettings, model: Model) -> Reranker | None:
    if settings.rerank_model is None:
        return None
    return Reranker(model, settings.rerank_model, settings.rerank_budget_ms / 1000, Breaker())
