"""Where an asker finds an answer that is there already, or one that is being made."""

import asyncio
import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from contracts.embedding import Embedding
from contracts.envelope import Context
from contracts.retrieval.audience import AudienceAnsweredV1, AudienceRequestedV1
from services.gateway.models.session import Session
from services.gateway.models.shared_answer import (
    FORMAT,
    Followed,
    Hit,
    Leading,
    Piece,
    Pieces,
    Place,
    Worded,
)
from services.gateway.models.turn import Question
from services.gateway.services.cache.alike import Alike
from services.gateway.services.cache.flight import Flight, Following, Times
from services.gateway.services.cache.wording import normalised
from services.gateway.services.ports import SharedAnswers
from services.gateway.services.spending.tenants import Tenants
from shared.errors import DeadlineMissed, RequestRefused, Unavailable, described
from shared.observability import metric
from shared.ports import Requester

logger = logging.getLogger(__name__)
_AUDIENCES = 10_000
# Documents may change between two calls; more often it is not worth while.
_TRIES = 2
# (tenant, the principal's names)
Who = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Audience:
    """The names that mattered in a generation."""

    generation: str
    names: tuple[str, ...]


class Audiences:
    """Which of a principal's names matter in a generation: asked of retrieval once a process."""

    def __init__(self, requester: Requester, store: SharedAnswers, budget_ms: int) -> None:
        self._requester, self._store, self._budget_ms = requester, store, budget_ms
        self._known: OrderedDict[Who, Audience] = OrderedDict()
        self._asking: dict[Who, asyncio.Task[Audience]] = {}

    async def of(self, who: Who, context: Context) -> Audience:
        """Raises DeadlineMissed, RequestRefused or Unavailable."""
        if who in self._known:
            self._known.move_to_end(who)
            return self._known[who]
        # Who asks at the same time waits for the same answer.
        asking = self._asking.get(who)
        if asking is None:
            asking = self._asking[who] = asyncio.create_task(self._ask(who, context))
            asking.add_done_callback(lambda _: self._asking.pop(who, None))
        return await asyncio.shield(asking)

    def forget(self, who: Who) -> None:
        self._known.pop(who, None)

    async def _ask(self, who: Who, context: Context) -> Audience:
        tenant, visible_to = who
        generation = await self._store.generation(tenant)
        request = AudienceRequestedV1(visible_to=visible_to)
        answered = await self._requester.ask(
            "retrieval-queries", request, AudienceAnsweredV1, context, self._budget_ms
        )
        self._known[who] = Audience(generation, tuple(sorted(answered.visible_to)))
        if len(self._known) > _AUDIENCES:
            self._known.popitem(last=False)
        return self._known[who]


@dataclass(frozen=True)
class Replay:
    """An answer to give again: one that is kept, or one that another turn is making."""

    pieces: AsyncGenerator[Piece, None]


@dataclass(frozen=True)
class AnswerCache:
    """`version` names all of the system's settings that change an answer."""

    store: SharedAnswers
    tenants: Tenants
    audiences: Audiences
    following: Following
    times: Times
    version: str
    alike: Alike

    async def seek(
        self, asked: Question, session: Session, context: Context, prompt_version: str
    ) -> Replay | Flight | None:
        """What is there, or a Flight when the asker is the one to compute it.

        None: the asker computes it alone. A store or a service that does not answer must not keep
        a question from its answer.
        """
        tenant, who = asked.principal.tenant, (asked.principal.tenant, asked.principal.visible_to)
        try:
            if not (await self.tenants.of(tenant)).cache.exact:
                return None
            for _ in range(_TRIES):
                audience = await self.audiences.of(who, context)
                scope = self._scope(asked, audience.names, session, prompt_version)
                key = _digest([scope, normalised(asked.text)])
                place = Place(tenant, audience.generation, key, scope)
                match await self.store.seek(place, asked.turn_id):
                    case Hit(pieces):
                        return self._found("hit", _each(pieces))
                    case Followed(leader):
                        told = self.following.follow(tenant, leader)
                        return self._found("followed", told)
                    case Leading():
                        metric("AnswerCache", 1, outcome="miss")
                        return Flight(self.store, place, asked.turn_id, audience.names, self.times)
                self.audiences.forget(who)
        except (DeadlineMissed, RequestRefused, Unavailable) as error:
            fields = {"reason": described(error)}
            logger.warning("answer_cache_missed", extra={"fields": fields})
        metric("AnswerCache", 1, outcome="alone")
        return None

    async def document_changed(self, tenant: str, document_id: str, *, deleted: bool) -> None:
        """No answer from before is given again. Raises Unavailable."""
        await self.store.document_changed(tenant, document_id, deleted=deleted)

    async def other_wording(
        self, flight: Flight, asked: Question, embedding: Embedding
    ) -> Replay | None:
        """The kept answer to the same question in other words; else the flight goes on for all."""
        pieces = await self.alike.find(flight, asked, embedding)
        if pieces is None:
            flight.worded = Worded(asked.text, embedding.model, embedding.values)
            return None
        await flight.give(pieces)
        return Replay(_each(pieces))

    def _scope(
        self, asked: Question, audience: Sequence[str], session: Session, prompt_version: str
    ) -> str:
        """Over all that the answer depends on but the question, and what was said before it."""
        said = [(turn.question, turn.query, turn.answer) for turn in session.turns]
        summary = session.summary.text if session.summary else ""
        system = (FORMAT, self.version, prompt_version)
        return _digest([system, audience, asked.models, said, summary])

    def _found(self, outcome: str, pieces: AsyncGenerator[Piece, None]) -> Replay:
        metric("AnswerCache", 1, outcome=outcome)
        return Replay(pieces)


def _digest(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


async def _each(pieces: Pieces) -> AsyncGenerator[Piece, None]:
    for piece in pieces:
        yield piece
