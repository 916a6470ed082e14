"""Deleting a document: invisible at once, its traces soon after."""

from asyncio import Event
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.queries import DocumentSummary
from services.ingestion.services.announcing import Announcer
from services.ingestion.services.intake.intake import origin_of
from services.ingestion.services.lookup import summary
from services.ingestion.store.registry import Registry


@dataclass(frozen=True)
class Delete:
    """`wake` tells upkeep that there is something to purge."""

    registry: Registry
    announcer: Announcer
    wake: Event

    async def __call__(
        self, document: str, context: Context, visible_to: Sequence[str] | None = None
    ) -> DocumentSummary | None:
        """Returns when the deletion is committed and confirmed.

        None for an unknown document and for one the asker may not see.
        """
        if await self.registry.get(context.tenant, document, visible_to) is None:
            return None
        deletion = await self.registry.delete(origin_of(context), document)
        if deletion is None:
            return None
        self.wake.set()
        await self.announcer.tell_deletion(deletion)
        found = await self.registry.get(context.tenant, document)
        return summary(found) if found else None
