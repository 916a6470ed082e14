"""The whole of finetune_export, wired on one screen."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from contracts.gateway.turns import TurnCompletedV1
from services.finetune_export.controllers.turns import TurnsController
from services.finetune_export.services.archiving import Archiving, Replay
from services.finetune_export.services.ports import TurnArchive
from services.finetune_export.settings import FinetuneExportSettings
from services.finetune_export.store.archive import Archive
from shared.aws import Clients
from shared.blobs import open_blobs
from shared.lifecycle import Service
from shared.messaging import LINGER_S, Bus, BusPublisher, Consumer, open_bus
from shared.outcomes import Handlers


@asynccontextmanager
async def bootstrap(
    settings: FinetuneExportSettings | None = None,
    *,
    bus: Bus | None = None,
    archive: TurnArchive | None = None,
) -> AsyncIterator[Service]:
    settings = settings or FinetuneExportSettings()
    async with AsyncExitStack() as stack:
        if bus is None:
            blobs = await stack.enter_async_context(open_blobs(settings))
            bus = await stack.enter_async_context(open_bus(settings, blobs))
        if archive is None:
            archive = await _opened(stack, settings)
        turns = TurnsController(Archiving(archive))
        events: Handlers = {TurnCompletedV1: turns.completed}
        # Only pings so far: they show that the service lives.
        exports: Handlers = {}
        yield Service(
            [
                Consumer(bus, "finetune-events", events, probe=archive.ping, linger_s=LINGER_S),
                Consumer(bus, "finetune-exports", exports, probe=archive.ping),
            ],
            {"finetune-events": events, "finetune-exports": exports},
        )


@asynccontextmanager
async def replaying(settings: FinetuneExportSettings) -> AsyncIterator[Replay]:
    """For the operator's command."""
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(open_blobs(settings))
        bus = await stack.enter_async_context(open_bus(settings, blobs))
        yield Replay(await _opened(stack, settings), BusPublisher(bus))


async def _opened(stack: AsyncExitStack, settings: FinetuneExportSettings) -> Archive:
    s3 = await Clients(stack, settings).open("s3", read_timeout_s=30)
    return Archive(s3, settings.resource(settings.archive_bucket))
