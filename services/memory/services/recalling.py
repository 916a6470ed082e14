"""The context of the next turn: the conversation's turns, the user's other ones, his facts."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from contracts.embedding import Embedding
from contracts.envelope import Context
from services.memory.models.turn import ConversationKey, Fact, Outline, Turn, Vector
from services.memory.services.embedding import Embeddings, cosines
from services.memory.services.facts import as_facts, standing
from services.memory.services.facts_by_rule import statements
from services.memory.services.ports import TurnStore
from shared.ports import Clock
from shared.tokens import cut_to, estimated_tokens

# The newest turns of a user that are compared with the question.
_COMPARED = 200
_FACTS_READ = 200
_FACTS = 20
_RECALLED = 4
# A turn's score falls to half in three days.
_HALF_LIFE = timedelta(days=3)
# Without the question's embedding, only what was said just before is recalled.
_JUST_NOW = timedelta(hours=1)
_BY_RECENCY = 2


@dataclass(frozen=True)
class Wanted:
    """`recent` are the user's newest turns as the asker knows them, newest last."""

    key: ConversationKey
    max_turns: int
    max_tokens: int
    question: str | None
    recent: Sequence[Turn]
    embedding: Embedding | None = None


@dataclass(frozen=True)
class Recalled:
    """`turns` oldest first, `others` best first, `facts` newest first."""

    turns: list[Turn]
    others: list[Turn]
    facts: list[Fact]
    input_tokens: int = 0
    cost_usd: Decimal = Decimal(0)


@dataclass(frozen=True)
class Recalling:
    """`floor`: the cosine below which a turn has nothing to do with the question."""

    store: TurnStore
    embeddings: Embeddings
    clock: Clock
    floor: float

    async def context(self, wanted: Wanted, context: Context) -> Recalled:
        """Raises Unavailable. An embedding that is late or away costs only the relevance."""
        key, now = wanted.key, self.clock.now()
        recent = self.store.recent(key, wanted.max_turns, now)
        if wanted.question is None:
            return Recalled(fitting(await recent, wanted.max_tokens), [], [])
        if wanted.embedding is not None:
            self.embeddings.know(key.tenant, wanted.question, wanted.embedding)
        fresh = [turn for turn in wanted.recent if turn.key != key]
        texts = [wanted.question, *(turn.question for turn in fresh)]
        own, outlines, said, embedded = await asyncio.gather(
            recent,
            self.store.outlines(key.tenant, key.user, _COMPARED, now),
            self.store.facts(key.tenant, key.user, _FACTS_READ, now),
            self.embeddings.of(texts, context),
        )
        vectors, tokens, cost = embedded
        others = [one for one in outlines if one.key != key]
        known = {one.turn_id for one in outlines} | {turn.turn_id for turn in own}
        unknown = [
            _outline(turn, vector)
            for turn, vector in zip(fresh, vectors[1:], strict=True)
            if turn.turn_id not in known
        ]
        chosen = self._chosen(vectors[0], [*unknown, *others], now)
        turns = await self._read(chosen, fresh)
        facts = standing([*said, *_unheard(wanted.recent, said, known)])[:_FACTS]
        return Recalled(fitting(own, wanted.max_tokens), turns, facts, tokens, cost)

    def _chosen(
        self, question: Vector | None, outlines: Sequence[Outline], now: datetime
    ) -> list[Outline]:
        """By cosine with the question, halved every three days of age; or by recency alone."""
        if question is None:
            recent = [one for one in outlines if now - one.completed_at <= _JUST_NOW]
            recent.sort(key=lambda one: one.completed_at, reverse=True)
            return recent[:_BY_RECENCY]
        alike = cosines(question, [one.vector for one in outlines])
        scored = [
            (float(cosine) * 0.5 ** (max(timedelta(), now - one.completed_at) / _HALF_LIFE), one)
            for cosine, one in zip(alike, outlines, strict=True)
            if not math.isnan(cosine) and cosine >= self.floor
        ]
        scored.sort(key=lambda pair: pair[0], reverse=True)
        return [one for _, one in scored[:_RECALLED]]

    async def _read(self, chosen: Sequence[Outline], fresh: Sequence[Turn]) -> list[Turn]:
        """Best first, without those that were removed meanwhile."""
        at_hand = {turn.turn_id: turn for turn in fresh}
        missing = [one for one in chosen if one.turn_id not in at_hand]
        stored = await self.store.turns(missing) if missing else []
        turns = at_hand | {turn.turn_id: turn for turn in stored}
        return [turns[one.turn_id] for one in chosen if one.turn_id in turns]


def _outline(turn: Turn, vector: Vector | None) -> Outline:
    return Outline(
        key=turn.key, turn_id=turn.turn_id, completed_at=turn.completed_at, vector=vector
    )


def _unheard(recent: Sequence[Turn], said: Sequence[Fact], known: set[str]) -> list[Fact]:
    """Facts of turns that the store does not have yet, by rule."""
    heard = known | {fact.turn_id for fact in said}
    return [
        fact
        for turn in recent
        if turn.turn_id not in heard
        for fact in as_facts(
            statements(turn.question),
            turn.completed_at,
            turn.turn_id,
            turn.key.conversation_id,
        )
    ]


def fitting(newest_first: list[Turn], max_tokens: int) -> list[Turn]:
    """Oldest first, without a gap; their estimated tokens are at most `max_tokens`.

    The newest is always among them, cut if need be.
    """
    left = max_tokens
    chosen: list[Turn] = []
    for turn in newest_first:
        tokens = estimated_tokens(turn.question) + estimated_tokens(turn.answer)
        if tokens > left:
            if not chosen:
                chosen.append(_cut(turn, left))
            break
        chosen.append(turn)
        left -= tokens
    return chosen[::-1]


def _cut(turn: Turn, tokens: int) -> Turn:
    question = cut_to(turn.question, max(1, tokens))
    answer = cut_to(turn.answer, max(1, tokens - estimated_tokens(question)))
    return turn.model_copy(update={"question": question, "answer": answer})
