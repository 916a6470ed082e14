"""All that a turn needs before its prompt: session, finished query, passages, earlier turns."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from contracts.envelope import Context
from contracts.memory.queries import PastTurn
from contracts.retrieval.search import Hit, SearchAnsweredV1, SearchRequestedV1
from services.gateway.models.session import Sessions, SessionTurn
from services.gateway.models.turn import Question
from services.gateway.services.meter import Meter
from services.gateway.services.turn.finding import Legs
from services.gateway.services.turn.follow_up import is_follow_up
from services.gateway.services.turn.understanding import Condense
from shared.errors import Unavailable

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gathered:
    """`degraded` names what is missing; `searched` is False when no passage could be looked up."""

    query: str
    hits: tuple[Hit, ...]
    earlier: tuple[PastTurn, ...]
    degraded: tuple[str, ...]
    searched: bool


@dataclass(frozen=True)
class Gather:
    """Memory is asked at once, retrieval as soon as the query is finished; both run together."""

    sessions: Sessions
    legs: Legs
    condense: Condense
    source_count: int
    join_tokens: int

    async def __call__(self, asked: Question, context: Context, meter: Meter) -> Gathered:
        async with asyncio.TaskGroup() as group:
            remembering = group.create_task(self.legs.earlier(asked.conversation_id, context))
            session = await self._session(asked)
            known = session or []
            if not known and is_follow_up(asked.text):
                known = [_as_session(turn) for turn in await remembering or ()]
            query = await self.condense(asked.text, known, meter)
            request = SearchRequestedV1(
                query=query,
                limit=self.source_count,
                visible_to=asked.principal.visible_to,
                turn_id=asked.turn_id,
                join_tokens=self.join_tokens,
            )
            found = await self.legs.search(request, context)
            remembered = await remembering
        if found is not None:
            meter.include(found.input_tokens, Decimal(found.cost_usd))
        return Gathered(
            query=query,
            hits=found.hits if found else (),
            earlier=_merged(remembered or (), session or ()),
            degraded=_degraded(found, remembered, session),
            searched=found is not None,
        )

    async def _session(self, asked: Question) -> list[SessionTurn] | None:
        who = asked.principal
        try:
            return await self.sessions.load(who.tenant, who.user, asked.conversation_id)
        except Unavailable:
            logger.warning("session_missed")
            return None


def _degraded(
    found: SearchAnsweredV1 | None,
    remembered: Sequence[PastTurn] | None,
    session: Sequence[SessionTurn] | None,
) -> tuple[str, ...]:
    whole = {"retrieval": found, "memory": remembered, "session": session}
    missing = [name for name, answer in whole.items() if answer is None]
    legs = found.legs if found else {}
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


def _as_session(turn: PastTurn) -> SessionTurn:
    """Memory keeps no query: the question stands for it."""
    return SessionTurn(
        turn_id=turn.turn_id,
        question=turn.question,
        query=turn.question,
        answer=turn.answer,
        completed_at=turn.completed_at,
    )
