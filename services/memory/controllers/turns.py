"""Turns: remember a completed one, answer with what the next prompt needs."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.turns import Quoted, TurnCompletedV2
from contracts.memory.queries import (
    ContextAnsweredV1,
    ContextRequestedV1,
    Fact,
    PastTurn,
    UserTurn,
)
from services.memory.models.turn import ConversationKey, Source, Turn
from services.memory.services.recalling import Recalling, Wanted
from services.memory.services.remembering import Remembering
from shared.outcomes import Done, Outcome, Reject

NO_PRINCIPAL = Reject("a conversation belongs to a user: the envelope has no principal")


@dataclass(frozen=True)
class TurnsController:
    remembering: Remembering
    recalling: Recalling

    async def completed(self, message: TurnCompletedV2, context: Context) -> Outcome:
        if context.principal is None:
            return NO_PRINCIPAL
        turn = Turn(
            key=key_of(context, context.principal, message.conversation_id),
            turn_id=message.turn_id,
            question=message.question,
            answer=message.answer,
            outcome=message.outcome,
            model=message.model,
            sources=tuple(Source(**one.model_dump(include=_KEPT)) for one in message.sources),
            asked_at=message.started_at,
            completed_at=message.completed_at,
        )
        await self.remembering.remember(turn, message.query, context)
        return Done()

    async def requested(self, message: ContextRequestedV1, context: Context) -> Outcome:
        if context.principal is None:
            return NO_PRINCIPAL
        user = context.principal
        wanted = Wanted(
            key=key_of(context, user, message.conversation_id),
            max_turns=message.max_turns,
            max_tokens=message.max_tokens,
            question=message.question,
            embedding=message.embedding,
            recent=[_turn(one, context, user) for one in message.recent],
        )
        found = await self.recalling.context(wanted, context)
        answer = ContextAnsweredV1(
            conversation_id=message.conversation_id,
            turns=tuple(_past_turn(one) for one in found.turns),
            recalled=tuple(_user_turn(one) for one in found.others),
            facts=tuple(Fact(**one.model_dump(include=_STATED)) for one in found.facts),
            input_tokens=found.input_tokens,
            cost_usd=str(found.cost_usd),
        )
        return Done(answer)


_KEPT = set(Source.model_fields)
_SAID = set(PastTurn.model_fields)
_STATED = set(Fact.model_fields)


def key_of(context: Context, user: str, conversation_id: str) -> ConversationKey:
    return ConversationKey(tenant=context.tenant, user=user, conversation_id=conversation_id)


def _turn(told: UserTurn, context: Context, user: str) -> Turn:
    return Turn(
        key=key_of(context, user, told.conversation_id),
        turn_id=told.turn_id,
        question=told.question,
        answer=told.answer,
        asked_at=told.completed_at,
        completed_at=told.completed_at,
    )


def _past_turn(turn: Turn) -> PastTurn:
    return PastTurn(**turn.model_dump(include=_SAID), quotes=_quotes(turn))


def _quotes(turn: Turn) -> tuple[Quoted, ...]:
    return tuple(
        Quoted(document_id=one.document_id, ordinal=one.ordinal)
        for one in turn.sources
        if one.cited
    )


def _user_turn(turn: Turn) -> UserTurn:
    return UserTurn(
        turn_id=turn.turn_id,
        conversation_id=turn.key.conversation_id,
        question=turn.question,
        answer=turn.answer,
        completed_at=turn.completed_at,
        quotes=_quotes(turn),
    )
