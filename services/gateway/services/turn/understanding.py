"""Turns a question of a conversation into a query that stands on its own."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from contracts.memory.queries import ContextAnsweredV1, PastTurn
from services.gateway.models.session import Session, SessionTurn
from services.gateway.models.turn import Question
from services.gateway.services.turn.citations import without_thoughts
from services.gateway.services.turn.follow_up import is_follow_up, with_subject
from services.gateway.services.turn.metered_model import MeteredModel, ModelRequest
from shared.errors import Unavailable
from shared.metering import Bill
from shared.observability import span
from shared.ports import ChatMessage

logger = logging.getLogger(__name__)
_SYSTEM = (
    "Rewrite the user's last question as one search query that can be understood without the "
    "conversation: put in what its pronouns and omissions refer to, keep its language, names and "
    "numbers, add nothing else. If it stands on its own, repeat it. Answer with the query only."
)
_TURNS = 4
_ANSWER_CHARACTERS = 500
_MAX_TOKENS = 150
_MAX_CHARACTERS = 1000


@dataclass(frozen=True)
class Understood:
    """`session` is None when its store did not answer."""

    query: str
    session: Session | None


@dataclass(frozen=True)
class Understanding:
    """With `condense_model` None, or when it fails or is late, the rules of follow_up decide."""

    model: MeteredModel
    condense_model: str | None
    condense_s: float

    async def understand(
        self,
        asked: Question,
        session: Session | None,
        remembering: Awaitable[ContextAnsweredV1 | None],
        bill: Bill,
    ) -> Understood:
        """`remembering` is awaited only for a follow-up whose session has expired."""
        known: Sequence[SessionTurn] = session.turns if session else ()
        if not known and is_follow_up(asked.text):
            remembered = await remembering
            known = [_as_session(turn) for turn in remembered.turns] if remembered else ()
        return Understood(await self._condensed(asked.text, known, bill), session)

    async def _condensed(self, question: str, known: Sequence[SessionTurn], bill: Bill) -> str:
        """The query. `known` is the conversation, oldest first."""
        if not known:
            return question
        with span("condense"):
            written = await self._written(self.condense_model, question, known, bill)
        return written or with_subject(question, (turn.query for turn in known))

    async def _written(
        self, model: str | None, question: str, known: Sequence[SessionTurn], bill: Bill
    ) -> str | None:
        """The query as the model writes it; None when it gives none that can be used."""
        if model is None:
            return None
        request = ModelRequest("condense", _SYSTEM, _messages(question, known), _MAX_TOKENS)
        try:
            async with (
                asyncio.timeout(self.condense_s),
                aclosing(self.model.stream(model, request, bill)) as stream,
            ):
                pieces = [piece async for piece in stream]
        except (Unavailable, TimeoutError) as error:
            logger.warning("condense_fell_back", extra={"fields": {"reason": repr(error)}})
            return None
        query = " ".join(without_thoughts("".join(pieces)).split()).strip('"')
        return query if 0 < len(query) <= _MAX_CHARACTERS else None


def _messages(question: str, known: Sequence[SessionTurn]) -> list[ChatMessage]:
    said = "\n".join(
        f"User: {turn.question}\nAssistant: {turn.answer[:_ANSWER_CHARACTERS]}"
        for turn in known[-_TURNS:]
    )
    return [ChatMessage("user", f"Conversation:\n{said}\n\nLast question: {question}")]


def _as_session(turn: PastTurn) -> SessionTurn:
    """Memory keeps no query: the question stands for it."""
    return SessionTurn(
        turn_id=turn.turn_id,
        question=turn.question,
        query=turn.question,
        answer=turn.answer,
        completed_at=turn.completed_at,
    )
