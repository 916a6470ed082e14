"""The whole of memory, wired on one screen."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from contracts.gateway.turns import TurnCompletedV1
from contracts.memory.queries import ContextRequestedV1, ListConversationsV1
from services.memory.controllers.turns import TurnsController
from services.memory.services.conversations import Conversations
from services.memory.services.ports import TurnStore
from services.memory.settings import MemorySettings
from services.memory.store.turn_table import open_turn_table
from shared.blobs import open_blobs
from shared.clock import SystemClock
from shared.lifecycle import Service
from shared.messaging import LINGER_S, Bus, Consumer, open_bus
from shared.outcomes import Handlers
from shared.ports import Clock


@asynccontextmanager
async def bootstrap(
    settings: MemorySettings | None = None,
    *,
    bus: Bus | None = None,
    store: TurnStore | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Service]:
    settings = settings or MemorySettings()
    async with AsyncExitStack() as stack:
        if bus is None:
            blobs = await stack.enter_async_context(open_blobs(settings))
            bus = await stack.enter_async_context(open_bus(settings, blobs))
        if store is None:
            store = await stack.enter_async_context(
                open_turn_table(
                    settings.resource(settings.turns_table),
                    region=settings.aws_region,
                    endpoint_url=settings.endpoint_of("dynamodb"),
                    timeout_s=settings.dynamodb_timeout_s,
                    threads=settings.dynamodb_threads,
                )
            )
        turns = TurnsController(Conversations(store, clock or SystemClock()))
        queries: Handlers = {
            ContextRequestedV1: turns.requested,
            ListConversationsV1: turns.listed,
        }
        events: Handlers = {TurnCompletedV1: turns.completed}
        yield Service(
            [
                Consumer(bus, "memory-queries", queries, concurrency=16, probe=store.ping),
                Consumer(bus, "memory-events", events, probe=store.ping, linger_s=LINGER_S),
            ],
            {"memory-queries": queries, "memory-events": events},
        )
