"""The whole of finetune_export, wired on one screen."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from contracts.gateway.turns import TurnCompletedV1
from services.finetune_export.controllers.turn_completed import TurnCompleted
from services.finetune_export.services.archive_turn import ArchiveTurn
from services.finetune_export.settings import FinetuneExportSettings
from services.finetune_export.store.archive import Archive
from shared.aws import Clients
from shared.blobs import open_blobs
from shared.lifecycle import Runnable
from shared.messaging import LINGER_S, Bus, Consumer, open_bus


@asynccontextmanager
async def bootstrap(
    settings: FinetuneExportSettings | None = None,
    *,
    bus: Bus | None = None,
    archive: Archive | None = None,
) -> AsyncIterator[list[Runnable]]:
    settings = settings or FinetuneExportSettings()
    async with AsyncExitStack() as stack:
        if bus is None:
            blobs = await stack.enter_async_context(open_blobs(settings))
            bus = await stack.enter_async_context(open_bus(settings, blobs))
        if archive is None:
            s3 = await Clients(stack, settings).open("s3", read_timeout_s=30)
            archive = Archive(s3, settings.resource(settings.archive_bucket))
        yield [
            Consumer(
                bus,
                "finetune-events",
                {TurnCompletedV1: TurnCompleted(ArchiveTurn(archive))},
                probe=archive.ping,
                linger_s=LINGER_S,
            ),
            # Only pings so far: they show that the service lives.
            Consumer(bus, "finetune-exports", {}, probe=archive.ping),
        ]
