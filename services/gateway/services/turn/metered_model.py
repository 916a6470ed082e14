"""A model's stream whose consumption reaches the bill, however the stream ends."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from contracts.platform.usage import Purpose
from shared.metering import Bill
from shared.ports import OWN_SAMPLING, ChatMessage, Model, ModelReport, Sampling
from shared.tokens import estimated_tokens

# (model, input tokens, output tokens) → USD
Price = Callable[[str, int, int], Decimal]


@dataclass(frozen=True)
class ModelRequest:
    """`max_tokens` bounds the answer, and with it the cost."""

    purpose: Purpose
    system: str
    messages: Sequence[ChatMessage]
    max_tokens: int
    prompt_version: str | None = None
    sampling: Sampling = OWN_SAMPLING

    def about(self, tenant: str) -> dict[str, str]:
        """What the provider's log of calls says of it."""
        names = {"tenant": tenant, "purpose": self.purpose, "prompt_version": self.prompt_version}
        return {name: value for name, value in names.items() if value is not None}


@dataclass
class Ending:
    """Filled when a stream has ended, with Converse's word for why."""

    stop_reason: str | None = None


@dataclass(frozen=True)
class MeteredModel:
    """`price` goes by the same list as the model's own reports."""

    model: Model
    price: Price

    async def stream(
        self, model: str, request: ModelRequest, bill: Bill, ending: Ending | None = None
    ) -> AsyncGenerator[str, None]:
        """Text as it comes. Raises what the model raises.

        A stream that is closed early has no report from the model, but is billed: its tokens are
        estimated then. A model that refuses before its first token costs nothing.
        """
        pieces: list[str] = []
        report, refused = None, False
        about = request.about(bill.context.tenant)
        said = (request.system, request.messages, request.max_tokens)
        reply = self.model.converse(model, *said, about, request.sampling)
        # Closed at once when the client goes, not at the next garbage collection.
        stream = cast(AsyncGenerator[str | ModelReport, None], reply)
        try:
            async with aclosing(stream) as items:
                async for item in items:
                    if isinstance(item, ModelReport):
                        report = item
                        if ending is not None:
                            ending.stop_reason = item.stop_reason
                    elif item:
                        pieces.append(item)
                        yield item
        except Exception:
            refused = not pieces
            raise
        finally:
            if report is not None:
                bill.add(request.purpose, report)
            elif not refused:
                bill.add(request.purpose, self._estimate(model, request, pieces), estimated=True)

    def _estimate(self, model: str, request: ModelRequest, pieces: Sequence[str]) -> ModelReport:
        said = sum(estimated_tokens(message.text) for message in request.messages)
        read = said + estimated_tokens(request.system)
        written = estimated_tokens("".join(pieces)) if pieces else 0
        return ModelReport(model, read, written, self.price(model, read, written))
