"""TurnCompleted: archive it."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV1
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.services.archive_turn import ArchiveTurn
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class TurnCompleted:
    archive: ArchiveTurn

    async def __call__(self, message: TurnCompletedV1, context: Context) -> Outcome:
        if context.principal is None:
            return Reject("a turn belongs to a user: the envelope has no principal")
        await self.archive(
            ArchivedTurn(
                tenant=context.tenant,
                user=context.principal,
                correlation_id=context.correlation_id,
                message_id=context.causation_id or "",
                conversation_id=message.conversation_id,
                turn_id=message.turn_id,
                completed_at=message.completed_at,
                body=message.model_dump(mode="json"),
            )
        )
        return Done()
