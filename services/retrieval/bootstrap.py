"""The whole of retrieval, wired on one screen."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from contracts.gateway.erasures import TenantDeletedV1
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.retrieval.audience import AudienceRequestedV1
from contracts.retrieval.audit import AuditIndexV1, AuditNamesV1
from contracts.retrieval.graph import GraphRequestedV1
from contracts.retrieval.passages import PassageRequestedV1
from contracts.retrieval.search import SearchRequestedV1
from services.retrieval.controllers.audits import AuditsController
from services.retrieval.controllers.index import IndexController
from services.retrieval.controllers.queries import QueriesController
from services.retrieval.models.embedding_space import EmbeddingSpace
from services.retrieval.services.graph.neighbourhood import Neighbourhood
from services.retrieval.services.indexing.auditing import Auditing
from services.retrieval.services.indexing.indexing import Deletion, Indexing
from services.retrieval.services.indexing.manifests import Manifests
from services.retrieval.services.indexing.rebuilding import Rebuild
from services.retrieval.services.ports import GraphStore, Names, SearchStore, Successor
from services.retrieval.services.searching.ranking import Reranker
from services.retrieval.services.searching.search import Defaults, Search
from services.retrieval.settings import RetrievalSettings
from services.retrieval.store.neo4j.store import open_neo4j
from services.retrieval.store.opensearch.connecting import Signing
from services.retrieval.store.opensearch.store import open_opensearch
from services.retrieval.store.sqlite.store import open_sqlite
from shared.aws import task_credentials
from shared.bedrock import PriceList, open_model
from shared.blobs import open_blobs
from shared.breaker import Breaker
from shared.lifecycle import Runnable, Service
from shared.messaging import LINGER_S, Bus, BusPublisher, Consumer, open_bus
from shared.metering import Metering
from shared.outcomes import Handlers
from shared.periodic import Periodic
from shared.ports import Blobs, Model, Publisher

# Reranking stops after so many failures in a row, for shared.breaker.OPEN_S.
RERANK_FAILURES = 3
# How soon after its return a graph that was lost is made ready again.
GRAPH_EVERY_S = 2.0


@asynccontextmanager
async def bootstrap(
    settings: RetrievalSettings | None = None,
    *,
    bus: Bus | None = None,
    publisher: Publisher | None = None,
    blobs: Blobs | None = None,
    model: Model | None = None,
    store: SearchStore | None = None,
    graph: Names | None = None,
    beside: GraphStore | None = None,
) -> AsyncIterator[Service]:
    settings = settings or RetrievalSettings()
    space = EmbeddingSpace(settings.embedding_model, settings.embedding_dimension)
    async with AsyncExitStack() as stack:
        if store is None:
            store, graph, beside = await _open_stores(stack, settings, space)
        if blobs is None:
            blobs = await stack.enter_async_context(open_blobs(settings))
        if bus is None:
            bus = await stack.enter_async_context(open_bus(settings, blobs))
        if model is None:
            model = await stack.enter_async_context(open_model(settings))
        publisher = publisher or BusPublisher(bus)
        metering = Metering("retrieval", publisher)
        # Before the bus closes: calls that outlive their request are metered too.
        stack.push_async_callback(metering.drain)
        reranker, defaults = _reranker(settings, model), _defaults(settings)
        search = Search(store, model, space, metering, reranker, defaults, graph)
        neighbourhood = Neighbourhood(graph, store, defaults.leg_budget_s)
        queries = QueriesController(search, neighbourhood, store)
        manifests = Manifests(blobs, model, metering, space)
        indexing = Indexing(store, manifests, publisher, beside)
        index = IndexController(indexing, Deletion(store, publisher, beside))
        audits = AuditsController(Auditing(store, graph, beside))
        handlers: dict[str, Handlers] = {
            "retrieval-index": {DocumentChunkedV1: index.chunked},
            "retrieval-control": {
                DocumentDeletedV1: index.deleted,
                TenantDeletedV1: index.tenant_deleted,
            },
            "retrieval-queries": {
                SearchRequestedV1: queries.search_requested,
                GraphRequestedV1: queries.graph_requested,
                PassageRequestedV1: queries.passage_requested,
                AuditIndexV1: audits.index,
                AuditNamesV1: audits.names,
                AudienceRequestedV1: queries.audience_requested,
            },
        }
        yield Service(_runnables(bus, settings, handlers, store, beside), handlers)


def _runnables(
    bus: Bus,
    settings: RetrievalSettings,
    handlers: dict[str, Handlers],
    store: SearchStore,
    beside: GraphStore | None,
) -> list[Runnable]:
    async def both_answer() -> None:
        """Versions are written to the store and to the graph beside it: work waits for both."""
        await store.ping()
        if beside is not None:
            await beside.ping()

    warming = [Periodic(beside.prepare, GRAPH_EVERY_S, breaks_off=True)] if beside else []
    return [
        *warming,
        Consumer(
            bus,
            "retrieval-index",
            handlers["retrieval-index"],
            concurrency=settings.index_concurrency,
            probe=both_answer,
            linger_s=LINGER_S,
        ),
        # Deletions have a queue of their own, so that they never wait behind documents.
        Consumer(bus, "retrieval-control", handlers["retrieval-control"], probe=both_answer),
        Consumer(
            bus,
            "retrieval-queries",
            handlers["retrieval-queries"],
            concurrency=settings.query_concurrency,
            probe=store.ping,
        ),
    ]


@asynccontextmanager
async def rebuilding(settings: RetrievalSettings) -> AsyncIterator[tuple[Rebuild, Successor]]:
    """For the operator's command: the store that the settings name, beside the one that serves."""
    space = EmbeddingSpace(settings.embedding_model, settings.embedding_dimension)
    async with AsyncExitStack() as stack:
        store, _, beside = await _open_stores(stack, settings, space, successor=True)
        blobs = await stack.enter_async_context(open_blobs(settings))
        bus = await stack.enter_async_context(open_bus(settings, blobs))
        model = await stack.enter_async_context(open_model(settings))
        metering = Metering("retrieval", BusPublisher(bus))
        stack.push_async_callback(metering.drain)
        manifests = Manifests(blobs, model, metering, space)
        yield Rebuild(store, manifests, blobs, beside), store


async def _open_stores(
    stack: AsyncExitStack,
    settings: RetrievalSettings,
    space: EmbeddingSpace,
    *,
    successor: bool = False,
) -> tuple[Successor, Names | None, GraphStore | None]:
    """The search store, the graph that queries read, and the graph beside the store, if any."""
    if settings.search_store == "sqlite":
        opened = open_sqlite(settings.sqlite_path, space, successor=successor)
        embedded = await stack.enter_async_context(opened)
        return embedded, embedded, None
    prefix = settings.resource("ragops-").lower()
    search = await stack.enter_async_context(
        open_opensearch(
            settings.opensearch_url,
            space,
            prefix,
            successor=successor,
            signing=_signing(settings),
            ca_file=settings.ca_file,
        )
    )
    if settings.neo4j_url is None:
        return search, None, None
    login = settings.neo4j_user, settings.neo4j_password.get_secret_value()
    graph = await stack.enter_async_context(
        open_neo4j(settings.neo4j_url, *login, ca_file=settings.ca_file)
    )
    return search, graph, graph


def _signing(settings: RetrievalSettings) -> Signing | None:
    """Raises CannotStart when there is nothing to sign with."""
    if settings.opensearch_auth == "none":
        return None
    return Signing(task_credentials(), settings.aws_region)


def _defaults(settings: RetrievalSettings) -> Defaults:
    return Defaults(
        settings.default_legs,
        settings.default_fusion,
        settings.leg_budget_ms / 1000,
        settings.graph_weight,
    )


def _reranker(settings: RetrievalSettings, model: Model) -> Reranker | None:
    """Raises ValueError for a model without a price: each search would fail by it."""
    name = settings.rerank_model
    if name is None:
        return None
    PriceList(settings.prices).check_query(name)
    breaker = Breaker(failures=RERANK_FAILURES)
    return Reranker(model, name, settings.rerank_budget_ms / 1000, breaker)
