"""The whole of memory, wired on one screen."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from contracts.gateway.turns import TurnCompletedV1
from contracts.memory.queries import ContextRequestedV1, ListConversationsV1
from services.memory.controllers.context_requested import ContextRequested
from services.memory.controllers.list_conversations import ListConversations
from services.memory.controllers.turn_completed import TurnCompleted
from services.memory.services.outline import Outline
from services.memory.services.recall import Recall
from services.memory.services.remember import Remember
from services.memory.settings import MemorySettings
from services.memory.store.turn_item import bound_to
from services.memory.store.turn_table import TurnTable
from shared.blobs import open_blobs
from shared.clock import SystemClock
from shared.lifecycle import Runnable
from shared.messaging import LINGER_S, Bus, Consumer, open_bus
from shared.ports import Clock


def turn_table(settings: MemorySettings) -> TurnTable:
    item = bound_to(
        settings.resource(settings.turns_table),
        settings.aws_region,
        settings.aws_endpoint_url,
        settings.dynamodb_timeout_s,
    )
    return TurnTable(item, settings.dynamodb_threads)


@asynccontextmanager
async def bootstrap(
    settings: MemorySettings | None = None,
    *,
    bus: Bus | None = None,
    table: TurnTable | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[list[Runnable]]:
    settings = settings or MemorySettings()
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        if bus is None:
            blobs = await stack.enter_async_context(open_blobs(settings))
            bus = await stack.enter_async_context(open_bus(settings, blobs))
        if table is None:
            table = turn_table(settings)
            stack.callback(table.close)
        await table.warm()
        yield [
            Consumer(
                bus,
                "memory-queries",
                {
                    ContextRequestedV1: ContextRequested(Recall(table, clock)),
                    ListConversationsV1: ListConversations(Outline(table, clock)),
                },
                concurrency=16,
                probe=table.ping,
            ),
            Consumer(
                bus,
                "memory-events",
                {TurnCompletedV1: TurnCompleted(Remember(table))},
                probe=table.ping,
                linger_s=LINGER_S,
            ),
        ]
