"""Model calls whose consumption reaches the meter, however they end."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from contracts.platform.usage import Purpose
from services.gateway.services.meter import Meter
from services.gateway.services.token_estimate import estimated_tokens
from shared.ports import ChatMessage, Model, ModelReport

Price = Callable[[str, int, int], Decimal]


@dataclass(frozen=True)
class Call:
    """`max_tokens` bounds the answer, and with it the cost."""

    purpose: Purpose
    system: str
    messages: Sequence[ChatMessage]
    max_tokens: int


@dataclass(frozen=True)
class ModelCalls:
    """`price(model, input_tokens, output_tokens)` is in USD, by the same list as the model's."""

    model: Model
    price: Price

    async def __call__(self, model: str, call: Call, meter: Meter) -> AsyncGenerator[str, None]:
        """Text as it comes. Raises what the model raises.

        A stream that is closed early has no report from the model, but is billed: then the tokens
        are estimated. A model that refuses before its first token costs nothing.
        """
        pieces: list[str] = []
        report, refused = None, False
        reply = self.model.converse(model, call.system, call.messages, call.max_tokens)
        # Closed at once when the client goes, not when the garbage collector comes by.
        stream = cast(AsyncGenerator[str | ModelReport, None], reply)
        try:
            async with aclosing(stream) as items:
                async for item in items:
                    if isinstance(item, ModelReport):
                        report = item
                    elif item:
                        pieces.append(item)
                        yield item
        except Exception:
            refused = not pieces
            raise
        finally:
            if report is not None:
                meter.add(call.purpose, report)
            elif not refused:
                meter.add(call.purpose, self._estimate(model, call, pieces), estimated=True)

    def _estimate(self, model: str, call: Call, pieces: Sequence[str]) -> ModelReport:
        said = sum(estimated_tokens(message.text) for message in call.messages)
        read = said + estimated_tokens(call.system)
        written = estimated_tokens("".join(pieces)) if pieces else 0
        return ModelReport(model, read, written, self.price(model, read, written))
