"""What a turn answers from: passages and earlier turns, asked of two services over their queues."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from contracts.envelope import Context
from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1, PastTurn
from contracts.retrieval.search import Hit, SearchAnsweredV1, SearchRequestedV1
from services.gateway.models.session import SessionTurn
from services.gateway.models.turn import Question
from services.gateway.services.turn.understanding import Understood
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.metering import Bill
from shared.observability import metric
from shared.ports import Requester

logger = logging.getLogger(__name__)
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
        self, asked: Question, query: str, context: Context, bill: Bill
    ) -> SearchAnsweredV1 | None:
        """Retrieval meters its own model calls; here they are only put on the turn's bill."""
        request = SearchRequestedV1(
            query=query,
            limit=self.source_count,
            visible_to=asked.principal.visible_to,
            turn_id=asked.turn_id,
            join_tokens=self.join_tokens,
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

    async def earlier_turns(
        self, conversation_id: str, context: Context
    ) -> tuple[PastTurn, ...] | None:
        """The conversation's turns as memory keeps them, oldest first."""
        request = ContextRequestedV1(conversation_id=conversation_id)
        try:
            answered = await self.requester.ask(
                "memory-queries", request, ContextAnsweredV1, context, self.memory_budget_ms
            )
        except _MISSES as error:
            _missed("memory", error)
            return None
        return answered.turns


@dataclass(frozen=True)
class Found:
    """`degraded` names what is missing; `searched` is False when no passage could be looked up."""

    query: str
    hits: tuple[Hit, ...]
    earlier: tuple[PastTurn, ...]
    degraded: tuple[str, ...]
    searched: bool

    @classmethod
    def of(
        cls,
        understood: Understood,
        answered: SearchAnsweredV1 | None,
        remembered: Sequence[PastTurn] | None,
    ) -> "Found":
        session = understood.session
        return cls(
            query=understood.query,
            hits=answered.hits if answered else (),
            earlier=_merged(remembered or (), session or ()),
            degraded=_degraded(answered, remembered, session),
            searched=answered is not None and not _all_failed(answered),
        )


def _all_failed(answered: SearchAnsweredV1) -> bool:
    """Whether every leg that was asked failed: that nothing was found means nothing then."""
    asked = {state for leg, state in answered.legs.items() if leg != "rerank"}
    return "failed" in asked and "applied" not in asked


def _degraded(
    answered: SearchAnsweredV1 | None,
    remembered: Sequence[PastTurn] | None,
    session: Sequence[SessionTurn] | None,
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
        )
    return tuple(sorted(turns.values(), key=lambda turn: turn.completed_at))


def _missed(service: str, error: Exception) -> None:
    metric("LegMissed", 1, leg=service)
    fields = {"leg": service, "reason": type(error).__name__}
    logger.warning("leg_missed", extra={"fields": fields})
