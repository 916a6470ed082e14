"""Turns a follow-up into a query that stands on its own."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from services.gateway.models.session import SessionTurn
from services.gateway.services.citations import without_thoughts
from services.gateway.services.follow_up import with_subject
from services.gateway.services.meter import Meter
from services.gateway.services.model_calls import Call, ModelCalls
from shared.errors import Unavailable
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
class Condense:
    """With `model` None, or when the model fails or is late, the rules of follow_up decide."""

    calls: ModelCalls
    model: str | None
    timeout_s: float

    async def __call__(self, question: str, earlier: Sequence[SessionTurn], meter: Meter) -> str:
        """The query. `earlier` is the conversation, oldest first."""
        if not earlier:
            return question
        with span("condense"):
            asked = await self._ask_model(self.model, question, earlier, meter)
        return asked or with_subject(question, (turn.query for turn in earlier))

    async def _ask_model(
        self, model: str | None, question: str, earlier: Sequence[SessionTurn], meter: Meter
    ) -> str | None:
        if model is None:
            return None
        call = Call("condense", _SYSTEM, _messages(question, earlier), _MAX_TOKENS)
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                aclosing(self.calls(model, call, meter)) as stream,
            ):
                pieces = [piece async for piece in stream]
        except (Unavailable, TimeoutError) as error:
            logger.warning("condense_fell_back", extra={"fields": {"reason": repr(error)}})
            return None
        query = " ".join(without_thoughts("".join(pieces)).split()).strip('"')
        return query if 0 < len(query) <= _MAX_CHARACTERS else None


def _messages(question: str, earlier: Sequence[SessionTurn]) -> list[ChatMessage]:
    said = "\n".join(
        f"User: {turn.question}\nAssistant: {turn.answer[:_ANSWER_CHARACTERS]}"
        for turn in earlier[-_TURNS:]
    )
    return [ChatMessage("user", f"Conversation:\n{said}\n\nLast question: {question}")]
