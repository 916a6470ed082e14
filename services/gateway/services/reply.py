"""What a turn says: fixed words where no model is needed, else the model's checked stream."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from pydantic import BaseModel

from contracts.gateway.http import TokenEvent
from services.gateway.services.answer import OpenAnswer
from services.gateway.services.citations import Citations
from services.gateway.services.gather import Gathered
from services.gateway.services.meter import Meter
from services.gateway.services.model_calls import Call
from services.gateway.services.prompt import Prompt

# (event, data): the order is meta, sources, token*, citations, usage, done | error.
Emit = Callable[[str, BaseModel | Sequence[BaseModel]], None]
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
    """Grows while it is sent: the text is exactly what the client saw."""

    citations: Citations
    emit: Emit
    model: str = NO_MODEL
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def say(self, text: str) -> None:
        if text:
            self.pieces.append(text)
            self.emit("token", TokenEvent(text=text))


@dataclass(frozen=True)
class GiveReply:
    """Asks a model only when there is something to answer from: sources or an earlier turn."""

    open_answer: OpenAnswer
    answer_tokens: int

    async def __call__(
        self, models: Sequence[str], found: Gathered, prompt: Prompt, meter: Meter, emit: Emit
    ) -> Reply:
        """Raises Unavailable when no model answers."""
        texts = [hit.text for hit in prompt.hits]
        reply = Reply(Citations(range(1, len(texts) + 1), texts), emit)
        answerable = bool(prompt.hits or found.earlier)
        if not found.searched:
            reply.say(SEARCH_MISSING + ("\n\n" if answerable else ""))
        elif not answerable:
            reply.say(NOTHING_FOUND)
        if answerable:
            await self._stream(models, prompt, meter, reply)
        return reply

    async def _stream(
        self, models: Sequence[str], prompt: Prompt, meter: Meter, reply: Reply
    ) -> None:
        call = Call("answer", prompt.system, prompt.messages, self.answer_tokens)
        opened = await self.open_answer(models, call, meter)
        reply.model = opened.model
        async with aclosing(opened.rest) as rest:
            reply.say(reply.citations.feed(opened.first))
            async for piece in rest:
                reply.say(reply.citations.feed(piece))
        reply.say(reply.citations.finish())
