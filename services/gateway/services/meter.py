"""What one turn's model calls consume: summed for the client, published for the bill."""

import asyncio
from decimal import Decimal

from contracts.envelope import Context, derived_id
from contracts.platform.usage import ModelUsedV2, Purpose
from services.gateway.services.background import Background
from shared.observability import metric
from shared.ports import ModelReport, Publisher


class Meter:
    """One a turn. A report is on its way to the `usage` topic as soon as it is added."""

    def __init__(
        self, publisher: Publisher, background: Background, context: Context, turn_id: str
    ) -> None:
        self._publisher, self._background = publisher, background
        self._context, self._turn_id = context, turn_id
        self._sent: list[asyncio.Task[None]] = []
        self.input_tokens = 0
        self.output_tokens = 0
        self.cost_usd = Decimal(0)

    def add(self, purpose: Purpose, report: ModelReport, *, estimated: bool = False) -> None:
        """Published even when the turn is cancelled the next moment."""
        self._sum(report.input_tokens, report.output_tokens, report.cost_usd)
        for kind, tokens in (("input", report.input_tokens), ("output", report.output_tokens)):
            metric("Tokens", tokens, model=report.model, purpose=purpose, kind=kind)
        used = ModelUsedV2(
            service="gateway",
            purpose=purpose,
            model=report.model,
            calls=report.calls,
            input_tokens=report.input_tokens,
            output_tokens=report.output_tokens,
            cost_usd=report.cost_usd,
            turn_id=self._turn_id,
            estimated=estimated,
        )
        event_id = derived_id(self._turn_id, "ModelUsed", len(self._sent))
        publishing = self._publisher.publish_now("usage", used, self._context, id=event_id)
        self._sent.append(self._background.start(publishing))

    def include(self, input_tokens: int, cost_usd: Decimal) -> None:
        """Adds what another service consumed for this turn and published itself."""
        self._sum(input_tokens, 0, cost_usd)

    async def settled(self) -> None:
        """Returns when every report is confirmed. Raises Unavailable."""
        for sent in self._sent:
            await asyncio.shield(sent)

    def _sum(self, input_tokens: int, output_tokens: int, cost_usd: Decimal) -> None:
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        self.cost_usd += cost_usd
