"""Archives what was said, for good."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV1
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.services.ports import TurnArchive
from shared.ports import Publisher

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Archiving:
    archive: TurnArchive

    async def archive_turn(self, turn: ArchivedTurn) -> None:
        """Idempotent: a second call finds the turn archived. Raises Unavailable."""
        written = await self.archive.write_once(turn)
        logger.info("turn_archived", extra={"fields": {"turn_id": turn.turn_id, "new": written}})


@dataclass(frozen=True)
class Replay:
    """Publishes archived turns again, under the ids that they had."""

    archive: TurnArchive
    publisher: Publisher

    async def publish_since(
        self, day: date, tenant: str | None, progress: Callable[[int], None] = lambda _: None
    ) -> int:
        """How many turns. Raises Unavailable."""
        sent = 0
        async for turn in self.archive.since(day, tenant):
            context = Context(
                tenant=turn.tenant, principal=turn.user, correlation_id=turn.correlation_id
            )
            message = TurnCompletedV1.model_validate(turn.body)
            await self.publisher.publish_now("turns", message, context, id=turn.message_id)
            sent += 1
            progress(sent)
        return sent
