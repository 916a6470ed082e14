"""Turns: remember a completed one, answer with a conversation's, list a user's conversations."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV1
from contracts.memory.queries import (
    ContextAnsweredV1,
    ContextRequestedV1,
    ConversationsListedV1,
    ConversationSummary,
    ListConversationsV1,
    PastTurn,
)
from services.memory.models.turn import ConversationKey, Turn
from services.memory.services.conversations import Conversations
from shared.outcomes import Done, Outcome, Reject

_NO_PRINCIPAL = Reject("a conversation belongs to a user: the envelope has no principal")


@dataclass(frozen=True)
class TurnsController:
    conversations: Conversations

    async def completed(self, message: TurnCompletedV1, context: Context) -> Outcome:
        if context.principal is None:
            return _NO_PRINCIPAL
        turn = Turn(
            key=_key(context, context.principal, message.conversation_id),
            turn_id=message.turn_id,
            question=message.question,
            answer=message.answer,
            completed_at=message.completed_at,
        )
        await self.conversations.remember(turn)
        return Done()

    async def requested(self, message: ContextRequestedV1, context: Context) -> Outcome:
        if context.principal is None:
            return _NO_PRINCIPAL
        key = _key(context, context.principal, message.conversation_id)
        turns = await self.conversations.recall(key, message.max_turns, message.max_tokens)
        past = tuple(_past(turn) for turn in turns)
        return Done(ContextAnsweredV1(conversation_id=message.conversation_id, turns=past))

    async def listed(self, message: ListConversationsV1, context: Context) -> Outcome:
        if context.principal is None:
            return _NO_PRINCIPAL
        found = await self.conversations.of_user(context.tenant, context.principal, message.limit)
        summaries = (ConversationSummary(**one.model_dump()) for one in found)
        return Done(ConversationsListedV1(conversations=tuple(summaries)))


def _key(context: Context, user: str, conversation_id: str) -> ConversationKey:
    return ConversationKey(tenant=context.tenant, user=user, conversation_id=conversation_id)


def _past(turn: Turn) -> PastTurn:
    return PastTurn(
        turn_id=turn.turn_id,
        question=turn.question,
        answer=turn.answer,
        completed_at=turn.completed_at,
    )
