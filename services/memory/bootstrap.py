"""The whole of memory, wired on one screen."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from contracts.gateway.erasures import TenantDeletedV1, UserErasedV1
from contracts.gateway.turns import TurnCompletedV2
from contracts.ingestion.events import DocumentDeletedV1
from contracts.memory.queries import (
    ContextRequestedV1,
    ConversationRequestedV1,
    DeleteConversationV1,
    ListConversationsV1,
    RenameConversationV1,
    TurnRequestedV1,
)
from services.memory.controllers.conversations import ConversationsController
from services.memory.controllers.erasures import ErasuresController
from services.memory.controllers.turns import TurnsController
from services.memory.services.conversations import Conversations
from services.memory.services.embedding import Embeddings
from services.memory.services.facts import Learning
from services.memory.services.ports import TurnStore
from services.memory.services.recalling import Recalling
from services.memory.services.remembering import Remembering
from services.memory.settings import MemorySettings
from services.memory.store.turn_table import open_turn_table
from shared.bedrock import PriceList, open_model
from shared.blobs import open_blobs
from shared.clock import SystemClock
from shared.lifecycle import Service
from shared.messaging import LINGER_S, Bus, BusPublisher, Consumer, open_bus
from shared.metering import Metering
from shared.outcomes import Handlers
from shared.ports import Clock, Model, Publisher


@asynccontextmanager
async def bootstrap(
    settings: MemorySettings | None = None,
    *,
    bus: Bus | None = None,
    publisher: Publisher | None = None,
    model: Model | None = None,
    store: TurnStore | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Service]:
    s, clock = settings or MemorySettings(), clock or SystemClock()
    async with AsyncExitStack() as stack:
        if bus is None:
            blobs = await stack.enter_async_context(open_blobs(s))
            bus = await stack.enter_async_context(open_bus(s, blobs))
        store = store or await _opened(stack, s)
        if model is None:
            model = await stack.enter_async_context(open_model(s))
        publisher = publisher or BusPublisher(bus)
        metering = Metering("memory", publisher)
        # Before the bus closes: calls that outlive their request are metered too.
        stack.push_async_callback(metering.drain)
        embeddings = Embeddings(
            model, s.embedding_model, s.embedding_dimension, metering, s.embed_ms / 1000
        )
        learning = Learning(model, _checked(s), metering)
        remembering = Remembering(store, embeddings, learning, publisher, clock)
        turns = TurnsController(remembering, Recalling(store, embeddings, clock, s.recall_floor))
        conversations = ConversationsController(Conversations(store, clock))
        erasures = ErasuresController(remembering)
        queries: Handlers = {
            ContextRequestedV1: turns.requested,
            ListConversationsV1: conversations.listed,
            ConversationRequestedV1: conversations.opened,
            TurnRequestedV1: conversations.turn,
            RenameConversationV1: conversations.renamed,
            DeleteConversationV1: conversations.deleted,
        }
        events: Handlers = {
            TurnCompletedV2: turns.completed,
            DocumentDeletedV1: erasures.document_deleted,
            UserErasedV1: erasures.user_erased,
            TenantDeletedV1: erasures.tenant_deleted,
        }
        yield Service(
            _consumers(bus, s, store, queries, events),
            {"memory-queries": queries, "memory-events": events},
        )


def _consumers(
    bus: Bus, s: MemorySettings, store: TurnStore, queries: Handlers, events: Handlers
) -> list[Consumer]:
    at_once = s.query_concurrency
    return [
        Consumer(bus, "memory-queries", queries, concurrency=at_once, probe=store.ping),
        Consumer(bus, "memory-events", events, probe=store.ping, linger_s=LINGER_S),
    ]


async def _opened(stack: AsyncExitStack, s: MemorySettings) -> TurnStore:
    return await stack.enter_async_context(
        open_turn_table(
            s.resource(s.turns_table),
            region=s.aws_region,
            endpoint_url=s.endpoint_of("dynamodb"),
            timeout_s=s.dynamodb_timeout_s,
            threads=s.dynamodb_threads,
        )
    )


def _checked(settings: MemorySettings) -> str | None:
    """Raises ValueError for a model without a price: its calls would be free."""
    if settings.memory_model is not None:
        PriceList(settings.prices).check(settings.memory_model)
    return settings.memory_model
