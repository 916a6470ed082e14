"""TurnCompleted: remember it."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV1
from services.memory.models.turn import ConversationKey, Turn
from services.memory.services.remember import Remember
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class TurnCompleted:
    remember: Remember

    async def __call__(self, message: TurnCompletedV1, context: Context) -> Outcome:
        if context.principal is None:
            return Reject("a turn belongs to a user: the envelope has no principal")
        key = ConversationKey(
            tenant=context.tenant,
            user=context.principal,
            conversation_id=message.conversation_id,
        )
        await self.remember(
            Turn(
                key=key,
                turn_id=message.turn_id,
                question=message.question,
                answer=message.answer,
                completed_at=message.completed_at,
            )
        )
        return Done()
