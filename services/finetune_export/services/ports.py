"""What finetune_export needs of its archive."""

from typing import Protocol

from services.finetune_export.models.archived_turn import ArchivedTurn


class TurnArchive(Protocol):
    """Every method raises Unavailable when the archive cannot be reached."""

    async def ping(self) -> None: ...

    async def write_once(self, turn: ArchivedTurn) -> bool:
        """False when it was there already; the turn is in the day's index either way."""
