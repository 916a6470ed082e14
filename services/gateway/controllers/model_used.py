"""ModelUsed: count it for its user."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.platform.usage import ModelUsedV2
from services.gateway.models.usage import Spent
from services.gateway.services.usage import CountUsage
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class ModelUsed:
    count: CountUsage

    async def __call__(self, message: ModelUsedV2, context: Context) -> Outcome:
        spent = Spent(
            calls=message.calls,
            input_tokens=message.input_tokens,
            output_tokens=message.output_tokens,
            cost_usd=message.cost_usd,
        )
        event_id = context.causation_id or ""
        await self.count(context.tenant, context.principal, event_id, spent)
        return Done()
