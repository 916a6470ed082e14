"""What a turn answers from: passages and earlier turns, asked of two services over their queues."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from contracts.embedding import Embedding
from contracts.envelope import Context
from contracts.gateway.turns import Quoted
from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1, PastTurn, UserTurn
from contracts.retrieval.search import Hit, SearchAnsweredV1, SearchRequestedV1
from services.gateway.models.session import Session, SessionTurn
from services.gateway.models.turn import Question
from services.gateway.services.cache.wording import normalised
from services.gateway.services.turn.follow_up import is_follow_up
from services.gateway.services.turn.prompt import NOTHING, Remembered
from services.gateway.services.turn.understanding import Understood
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.metering import Bill
from shared.observability import metric
from shared.ports import Requester

logger = logging.getLogger(__name__)
_TOLD_CHARACTERS = 1_000
_MISSES = (DeadlineMissed, RequestRefused, Unavailable)


@dataclass(frozen=True)
class Finding:
    """A service that does not answer within its budget is left out: None stands for its answer."""

    requester: Requester
    retrieval_budget_ms: int
    memory_budget_ms: int
    source_count: int
    join_tokens: int

    async def passages(
        self,
        query: str,
        visible_to: tuple[str, ...],
        context: Context,
        bill: Bill,
        embedding: Embedding | None = None,
    ) -> SearchAnsweredV1 | None:
        """Retrieval meters its own model calls; here they are only put on the turn's bill."""
        request = SearchRequestedV1(
            query=query,
            limit=self.source_count,
            visible_to=visible_to,
            turn_id=bill.turn_id,
            join_tokens=self.join_tokens,
            embedding=embedding,
        )
        try:
            found = await self.requester.ask(
                "retrieval-queries", request, SearchAnsweredV1, context, self.retrieval_budget_ms
            )
        except _MISSES as error:
            _missed("retrieval", error)
            return None
        bill.include(found.input_tokens, Decimal(found.cost_usd))
        return found

    async def remembered(
        self,
        asked: Question,
        session: Session | None,
        context: Context,
        bill: Bill,
        embedding: Embedding | None = None,
    ) -> ContextAnsweredV1 | None:
        """What memory has for this question; it meters its own model call."""
        request = ContextRequestedV1(
            conversation_id=asked.conversation_id,
            question=asked.text,
            embedding=embedding,
            recent=tuple(_told(turn) for turn in session.recent) if session else (),
        )
        try:
            answered = await self.requester.ask(
                "memory-queries", request, ContextAnsweredV1, context, self.memory_budget_ms
            )
        except _MISSES as error:
            _missed("memory", error)
            return None
        bill.include(answered.input_tokens, Decimal(answered.cost_usd))
        if not answered.recalled:
            return answered
        # Memory has not heard of the newest turns yet: the session knows what they quote.
        quotes = {turn.turn_id: _quotes(turn) for turn in session.recent} if session else {}
        recalled = tuple(
            turn.model_copy(update={"quotes": turn.quotes or quotes.get(turn.turn_id, ())})
            for turn in answered.recalled
            if not _repeats(asked, turn)
        )
        return answered.model_copy(update={"recalled": recalled})


def _repeats(asked: Question, turn: UserTurn) -> bool:
    """The same question brings nothing but an older answer, of documents that may have changed.

    The same words of a follow-up may mean something else.
    """
    same = normalised(turn.question) == normalised(asked.text)
    return same and not is_follow_up(asked.text)


def _told(turn: SessionTurn) -> UserTurn:
    """Memory has the whole text in a moment; until then its beginning does."""
    return UserTurn(
        turn_id=turn.turn_id,
        conversation_id=turn.conversation_id or "",
        question=turn.question,
        answer=turn.answer[:_TOLD_CHARACTERS],
        completed_at=turn.completed_at,
    )


def _quotes(turn: SessionTurn) -> tuple[Quoted, ...]:
    return tuple(
        Quoted(document_id=source.document_id, ordinal=source.ordinal)
        for source in turn.sources
        if source.cited
    )


@dataclass(frozen=True)
class Found:
    """`degraded` names what is missing; `searched` is False when no passage could be looked up.

    `own`: something is there that only the asker's memory knows, beside the session.
    """

    query: str
    hits: tuple[Hit, ...]
    earlier: tuple[PastTurn, ...]
    degraded: tuple[str, ...]
    searched: bool
    remembered: Remembered = NOTHING
    own: bool = False

    @classmethod
    def of(
        cls,
        understood: Understood,
        answered: SearchAnsweredV1 | None,
        remembered: ContextAnsweredV1 | None,
    ) -> "Found":
        session = understood.session
        turns = remembered.turns if remembered else ()
        return cls(
            query=understood.query,
            hits=answered.hits if answered else (),
            earlier=_merged(turns, session.turns if session else ()),
            degraded=_degraded(answered, remembered, session),
            searched=answered is not None and not _all_failed(answered),
            remembered=Remembered(
                summary=session.summary.text if session and session.summary else "",
                summarised=session.summary.documents if session and session.summary else (),
                recalled=remembered.recalled if remembered else (),
                facts=remembered.facts if remembered else (),
            ),
            own=knows_more(remembered, session),
        )


def knows_more(remembered: ContextAnsweredV1 | None, session: Session | None) -> bool:
    """Whether memory brings what the session does not hold: the asker's own, shared with nobody."""
    if remembered is None:
        return False
    known = {turn.turn_id for turn in session.turns} if session else set()
    others = any(turn.turn_id not in known for turn in remembered.turns)
    return others or bool(remembered.recalled or remembered.facts)


def _all_failed(answered: SearchAnsweredV1) -> bool:
    """Whether every leg that was asked failed: that nothing was found means nothing then."""
    asked = {state for leg, state in answered.legs.items() if leg != "rerank"}
    return "failed" in asked and "applied" not in asked


def _degraded(
    answered: SearchAnsweredV1 | None,
    remembered: ContextAnsweredV1 | None,
    session: Session | None,
) -> tuple[str, ...]:
    searched = None if answered is None or _all_failed(answered) else answered
    whole = {"retrieval": searched, "memory": remembered, "session": session}
    missing = [name for name, answer in whole.items() if answer is None]
    legs = answered.legs if answered else {}
    return (*missing, *(leg for leg, state in legs.items() if state == "failed"))


def _merged(remembered: Sequence[PastTurn], session: Sequence[SessionTurn]) -> tuple[PastTurn, ...]:
    """The session knows the newest turns, memory the older ones; each turn once, oldest first."""
    turns = {turn.turn_id: turn for turn in remembered}
    for recent in session:
        turns[recent.turn_id] = PastTurn(
            turn_id=recent.turn_id,
            question=recent.question,
            answer=recent.answer,
            completed_at=recent.completed_at,
            quotes=_quotes(recent),
        )
    return tuple(sorted(turns.values(), key=lambda turn: turn.completed_at))


def _missed(service: str, error: Exception) -> None:
    metric("LegMissed", 1, leg=service)
    fields = {"leg": service, "reason": type(error).__name__}
    logger.warning("leg_missed", extra={"fields": fields})
