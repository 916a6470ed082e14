"""What a turn says: fixed words where no model is needed, else a model's checked stream."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from contracts.gateway.turns import PromptSent
from contracts.platform.usage import Purpose
from services.gateway.models.prompt import PromptVersion
from services.gateway.models.turn import Source
from services.gateway.models.turn_events import Emit, TextAdded
from services.gateway.services.turn.citations import Citations
from services.gateway.services.turn.finding import Found
from services.gateway.services.turn.metered_model import Ending, MeteredModel, ModelRequest
from services.gateway.services.turn.prompt import Prompt
from shared.errors import Unavailable, described
from shared.metering import Bill
from shared.observability import metric
from shared.ports import Sampling

logger = logging.getLogger(__name__)
NOTHING_FOUND = (
    "I found nothing about this in your documents. Add a document that covers it, or ask in other "
    "words."
)
SEARCH_MISSING = (
    "The document search did not answer in time, so your documents were not read. Ask again in a "
    "moment."
)
# Converse's words for an answer that came to its own end.
_WHOLE = (None, "end_turn", "stop_sequence")
# Recorded as the model of a reply that needed none.
NO_MODEL = "none"


@dataclass
class Reply:
    """Grows while it is sent: its text is exactly what the client saw.

    `stop_reason` says why a model's answer is not whole: None for one that is. `prompt` is what a
    model was asked with; None when none was.
    """

    sources: tuple[Source, ...]
    emit: Emit
    model: str = NO_MODEL
    pieces: list[str] = field(default_factory=list)
    cited: tuple[Source, ...] = ()
    stop_reason: str | None = None
    prompt: PromptSent | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def say(self, text: str) -> None:
        if text:
            self.pieces.append(text)
            self.emit(TextAdded(text))


def sent(request: ModelRequest, prompt: Prompt) -> PromptSent:
    return PromptSent(
        system=request.system,
        parts=prompt.parts,
        max_tokens=request.max_tokens,
        temperature=request.sampling.temperature,
        top_p=request.sampling.top_p,
    )


@dataclass(frozen=True)
class Answering:
    """Asks a model only when there are sources or earlier words to answer from."""

    model: MeteredModel
    first_token_s: float
    answer_tokens: int

    async def answer(
        self,
        models: Sequence[str],
        prompt: Prompt,
        version: PromptVersion,
        found: Found,
        bill: Bill,
        reply: Reply,
    ) -> None:
        """`models` are tried in their order. Raises Unavailable when none of them answers."""
        answerable = bool(prompt.sources or found.earlier or prompt.remembers)
        if not found.searched:
            reply.say(SEARCH_MISSING + ("\n\n" if answerable else ""))
        elif not answerable:
            reply.say(NOTHING_FOUND)
        if answerable:
            await self.stream(models, self.request(prompt, version), prompt, bill, reply)

    def request(
        self, prompt: Prompt, version: PromptVersion, purpose: Purpose = "answer"
    ) -> ModelRequest:
        """No version makes an answer longer than `answer_tokens`: that is what was reserved."""
        given = version.parameters
        return ModelRequest(
            purpose,
            prompt.system,
            prompt.messages,
            min(given.max_tokens or self.answer_tokens, self.answer_tokens),
            version.version,
            Sampling(given.temperature, given.top_p),
        )

    async def stream(
        self,
        models: Sequence[str],
        request: ModelRequest,
        prompt: Prompt,
        bill: Bill,
        reply: Reply,
    ) -> None:
        """A model's checked answer into `reply`. Raises Unavailable when none of them answers."""
        reply.prompt = sent(request, prompt)
        ending = Ending()
        texts = [source.text for source in reply.sources]
        citations = Citations([source.n for source in reply.sources], texts)
        reply.model, first, rest = await self._opened(models, request, bill, ending)
        try:
            async with aclosing(rest):
                reply.say(citations.feed(first))
                async for piece in rest:
                    reply.say(citations.feed(piece))
            if ending.stop_reason not in _WHOLE:
                reply.stop_reason = ending.stop_reason
            reply.say(citations.finish())
        finally:
            # A stream that breaks off has cited what it named by then.
            reply.cited = tuple(reply.sources[n - 1] for n in citations.cited)

    async def _opened(
        self, models: Sequence[str], request: ModelRequest, bill: Bill, ending: Ending
    ) -> tuple[str, str, AsyncGenerator[str, None]]:
        """The first model that speaks, its first piece, and the rest, which must be closed.

        Another model is tried before the first token only, so that nobody sees two answers mixed.
        """
        for model in models:
            pieces = self.model.stream(model, request, bill, ending)
            try:
                async with asyncio.timeout(self.first_token_s):
                    return model, await anext(pieces, ""), pieces
            except (Unavailable, TimeoutError) as error:
                metric("ModelFallback", 1, model=model)
                fields = {"model": model, "reason": described(error)}
                logger.warning("model_gave_no_token", extra={"fields": fields})
        raise Unavailable("models", f"none of {', '.join(models)} answered")
