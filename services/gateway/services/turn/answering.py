"""What a turn says: fixed words where no model is needed, else a model's checked stream."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from services.gateway.models.turn import Source
from services.gateway.models.turn_events import Emit, TextAdded
from services.gateway.services.turn.citations import Citations
from services.gateway.services.turn.finding import Found
from services.gateway.services.turn.metered_model import MeteredModel, ModelRequest
from services.gateway.services.turn.prompt import Prompt
from shared.errors import Unavailable, described
from shared.metering import Bill
from shared.observability import metric

logger = logging.getLogger(__name__)
NOTHING_FOUND = (
    "I found nothing about this in your documents. Add a document that covers it, or ask in other "
    "words."
)
SEARCH_MISSING = (
    "The document search did not answer in time, so your documents were not read. Ask again in a "
    "moment."
)
# Recorded as the model of a reply that needed none.
NO_MODEL = "none"


@dataclass
class Reply:
    """Grows while it is sent: its text is exactly what the client saw."""

    sources: tuple[Source, ...]
    emit: Emit
    model: str = NO_MODEL
    pieces: list[str] = field(default_factory=list)
    cited: tuple[Source, ...] = ()

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def say(self, text: str) -> None:
        if text:
            self.pieces.append(text)
            self.emit(TextAdded(text))


@dataclass(frozen=True)
class Answering:
    """Asks a model only when there is something to answer from: sources or an earlier turn."""

    model: MeteredModel
    first_token_s: float
    answer_tokens: int

    async def answer(
        self, models: Sequence[str], prompt: Prompt, found: Found, bill: Bill, reply: Reply
    ) -> None:
        """`models` are tried in their order. Raises Unavailable when none of them answers."""
        answerable = bool(prompt.sources or found.earlier)
        if not found.searched:
            reply.say(SEARCH_MISSING + ("\n\n" if answerable else ""))
        elif not answerable:
            reply.say(NOTHING_FOUND)
        if answerable:
            await self._stream(models, prompt, bill, reply)

    async def _stream(
        self, models: Sequence[str], prompt: Prompt, bill: Bill, reply: Reply
    ) -> None:
        request = ModelRequest("answer", prompt.system, prompt.messages, self.answer_tokens)
        texts = [source.text for source in reply.sources]
        citations = Citations([source.n for source in reply.sources], texts)
        reply.model, first, rest = await self._opened(models, request, bill)
        try:
            async with aclosing(rest):
                reply.say(citations.feed(first))
                async for piece in rest:
                    reply.say(citations.feed(piece))
            reply.say(citations.finish())
        finally:
            # A stream that breaks off has cited what it named by then.
            reply.cited = tuple(reply.sources[n - 1] for n in citations.cited)

    async def _opened(
        self, models: Sequence[str], request: ModelRequest, bill: Bill
    ) -> tuple[str, str, AsyncGenerator[str, None]]:
        """The first model that speaks, its first piece, and the rest, which must be closed.

        Another model is tried before the first token only, so that nobody sees two answers mixed.
        """
        for model in models:
            pieces = self.model.stream(model, request, bill)
            try:
                async with asyncio.timeout(self.first_token_s):
                    return model, await anext(pieces, ""), pieces
            except (Unavailable, TimeoutError) as error:
                metric("ModelFallback", 1, model=model)
                fields = {"model": model, "reason": described(error)}
                logger.warning("model_gave_no_token", extra={"fields": fields})
        raise Unavailable("models", f"none of {', '.join(models)} answered")
