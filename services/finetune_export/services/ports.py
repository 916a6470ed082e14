"""What finetune_export needs of its archive."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Protocol

from services.finetune_export.models.archived_turn import ArchivedTurn


class TurnArchive(Protocol):
    """Every method raises Unavailable when the archive cannot be reached."""

    async def ping(self) -> None: ...

    async def write_once(self, turn: ArchivedTurn) -> bool:
        """False when it was there already; the turn is in the day's index either way."""

    def since(self, day: date, tenant: str | None) -> AsyncIterator[ArchivedTurn]:
        """Turns of this day (UTC) and later, of one tenant or of all."""
