"""Archives what was said, for good."""

import logging
from dataclasses import dataclass

from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.services.ports import TurnArchive

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Archiving:
    archive: TurnArchive

    async def archive_turn(self, turn: ArchivedTurn) -> None:
        """Idempotent: a second call finds the turn archived. Raises Unavailable."""
        written = await self.archive.write_once(turn)
        logger.info("turn_archived", extra={"fields": {"turn_id": turn.turn_id, "new": written}})
