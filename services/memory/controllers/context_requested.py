"""ContextRequested: answer with the turns that fit the asked budget."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1, PastTurn
from services.memory.models.turn import ConversationKey, Turn
from services.memory.services.recall import Recall
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class ContextRequested:
    recall: Recall

    async def __call__(self, message: ContextRequestedV1, context: Context) -> Outcome:
        if context.principal is None:
            return Reject("a conversation belongs to a user: the envelope has no principal")
        key = ConversationKey(
            tenant=context.tenant,
            user=context.principal,
            conversation_id=message.conversation_id,
        )
        turns = await self.recall(key, message.max_turns, message.max_tokens)
        past = tuple(_past(turn) for turn in turns)
        return Done(ContextAnsweredV1(conversation_id=message.conversation_id, turns=past))


def _past(turn: Turn) -> PastTurn:
    return PastTurn(
        turn_id=turn.turn_id,
        question=turn.question,
        answer=turn.answer,
        completed_at=turn.completed_at,
    )
