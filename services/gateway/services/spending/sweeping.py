"""Renews the holds of this gateway, and ends those of gateways that died, and of trainings."""

import logging
from collections import defaultdict
from dataclasses import dataclass

from contracts.envelope import Context, derived_id
from contracts.finetune_export.trainings import HOLD_PREFIX
from contracts.platform.usage import ModelUsedV2
from services.gateway.models.usage import NANO, UNREPORTED, Amount, Hold
from services.gateway.services.spending.spending import Spending
from services.gateway.services.trainings import Trainings
from shared.delivery import Delivery, Event
from shared.observability import metric

logger = logging.getLogger(__name__)
# Of three renewals two may fail.
RENEWALS = 3


@dataclass(frozen=True)
class Sweeping:
    """A round is due RENEWALS times in a lease: a dead gateway's hold ends 4/3 of one after it.

    It must not be broken off: what was charged has to be told.
    """

    spending: Spending
    delivery: Delivery
    trainings: Trainings

    async def round(self) -> None:
        """Raises Unavailable, and DeadlineMissed or RequestRefused of finetune_export."""
        await self.renew()
        await self.sweep()

    async def renew(self) -> None:
        """Raises Unavailable."""
        by_tenant: dict[str, list[str]] = defaultdict(list)
        for hold in self.spending.holds.values():
            by_tenant[hold.tenant].append(hold.id)
        for tenant, holds in by_tenant.items():
            await self.spending.ledger.renew(tenant, holds)

    async def sweep(self) -> None:
        """Those of dead gateways first: they need nobody's answer. Raises the same as `round`."""
        ledger = self.spending.ledger
        of_trainings = []
        for tenant in await ledger.tenants():
            for hold in await ledger.expired(tenant):
                if hold.id.startswith(HOLD_PREFIX):
                    of_trainings.append(hold)
                else:
                    await self._end(hold)
        for hold in of_trainings:
            # Until finetune_export has answered, it counts on.
            if await self.trainings.may_cost(hold):
                await ledger.renew(hold.tenant, [hold.id])
            else:
                await self._end(hold)

    async def _end(self, hold: Hold) -> None:
        # The same for every sweeper, so that it counts once.
        event_id = derived_id(hold.id, UNREPORTED)
        charged = await self.spending.ledger.sweep(hold, event_id)
        if charged != Amount():
            self._tell(hold, charged, event_id)

    def _tell(self, hold: Hold, charged: Amount, event_id: str) -> None:
        """Into the archive; here it is counted already."""
        message = ModelUsedV2(
            service="gateway",
            purpose=UNREPORTED,
            model=hold.model,
            calls=1,
            input_tokens=charged.tokens,
            output_tokens=0,
            cost_usd=charged.nano_usd / NANO,
            estimated=True,
            turn_id=hold.id,
        )
        context = Context(tenant=hold.tenant, principal=hold.user)
        metric("HoldsSwept", 1)
        fields = {"tenant": hold.tenant, "turn_id": hold.id, "tokens": charged.tokens}
        logger.warning("hold_swept", extra={"fields": fields})
        self.delivery.start(Event("usage", message, context, event_id))
