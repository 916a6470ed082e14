"""Archives a completed turn."""

import logging
from typing import Protocol

from services.finetune_export.models.archived_turn import ArchivedTurn

logger = logging.getLogger(__name__)


class TurnArchive(Protocol):
    async def write_once(self, turn: ArchivedTurn) -> bool:
        """False when it was there already. Raises Unavailable."""


class ArchiveTurn:
    def __init__(self, archive: TurnArchive) -> None:
        self._archive = archive

    async def __call__(self, turn: ArchivedTurn) -> None:
        """Idempotent: whoever comes second finds the turn archived."""
        written = await self._archive.write_once(turn)
        logger.info("turn_archived", extra={"fields": {"turn_id": turn.turn_id, "new": written}})
