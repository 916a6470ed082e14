"""Turns: archive a completed one."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV1
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.services.archiving import Archiving
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class TurnsController:
    archiving: Archiving

    async def completed(self, message: TurnCompletedV1, context: Context) -> Outcome:
        if context.principal is None:
            return Reject("a turn belongs to a user: the envelope has no principal")
        turn = ArchivedTurn(
            tenant=context.tenant,
            user=context.principal,
            correlation_id=context.correlation_id,
            message_id=context.causation_id or "",
            conversation_id=message.conversation_id,
            turn_id=message.turn_id,
            completed_at=message.completed_at,
            body=message.model_dump(mode="json"),
        )
        await self.archiving.archive_turn(turn)
        return Done()
