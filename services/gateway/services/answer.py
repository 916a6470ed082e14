"""Opens the answer's stream with the first model that speaks."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from services.gateway.services.meter import Meter
from services.gateway.services.turn.metered_model import Call, ModelCalls
from shared.errors import Unavailable
from shared.observability import metric

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """A stream whose first piece is here already; `rest` must be closed."""

    model: str
    first: str
    rest: AsyncGenerator[str, None]


@dataclass(frozen=True)
class OpenAnswer:
    """Falls back down the list before the first token only: nobody sees two answers mixed."""

    calls: ModelCalls
    first_token_s: float

    async def __call__(self, models: Sequence[str], call: Call, meter: Meter) -> Opened:
        """Raises Unavailable when no model speaks."""
        for model in models:
            pieces = self.calls(model, call, meter)
            try:
                async with asyncio.timeout(self.first_token_s):
                    return Opened(model, await anext(pieces, ""), pieces)
            except (Unavailable, TimeoutError) as error:
                metric("ModelFallback", 1, model=model)
                fields = {"model": model, "reason": repr(error)}
                logger.warning("model_gave_no_token", extra={"fields": fields})
        raise Unavailable("models", f"none of {', '.join(models)} answered")
