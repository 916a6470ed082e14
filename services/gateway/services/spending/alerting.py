"""Tells on the topic usage when 50, 80 and 100 % of a limit are spent, once a period and limit."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.envelope import Context, derived_id
from contracts.platform.usage import BudgetReachedV1, UserBudgetReachedV1
from services.gateway.models.tenant import NO_LIMITS, TenantSettings
from services.gateway.models.usage import NOBODY, THRESHOLDS, Budget, Totals, budgets
from services.gateway.services.ports import Ledger
from shared.delivery import Delivery, Event
from shared.observability import metric

logger = logging.getLogger(__name__)
_KNOWN_MAX = 10_000


@dataclass(frozen=True)
class Alerting:
    """Two processes may tell of the same, under one id, if the first one dies while it tells."""

    ledger: Ledger
    delivery: Delivery
    # What this process knows to be told, so that it need not ask the ledger.
    _told: set[tuple[str, str]] = field(default_factory=set)

    async def check(
        self, tenant: str, settings: TenantSettings, totals: Totals, user: str = NOBODY
    ) -> None:
        """Returns when everything due is confirmed; `user` is who spent. Raises Unavailable."""
        await self._check(tenant, None, budgets(settings.limits, totals))
        if user != NOBODY and settings.user_limits != NO_LIMITS:
            own = await self.ledger.user_totals(tenant, user, totals.day)
            await self._check(tenant, user, budgets(settings.user_limits, own))

    async def _check(self, tenant: str, user: str | None, reached: Sequence[Budget]) -> None:
        for budget in reached:
            for threshold in THRESHOLDS:
                if budget.used * 100 >= budget.limit * threshold:
                    await self._tell(tenant, user, budget, threshold)

    async def _tell(self, tenant: str, user: str | None, budget: Budget, threshold: int) -> None:
        what = f"{budget.period}:{budget.measure}:{budget.limit.normalize()}:{threshold}"
        if user is not None:
            # The mark outlives the user's erasure, so it does not hold the name.
            what = f"{what}:{hashlib.sha256(user.encode()).hexdigest()}"
        if (tenant, what) in self._told or not await self.ledger.claim_alert(tenant, what):
            return
        message = _message(user, budget, threshold)
        event_id = derived_id(tenant, "BudgetReached", what)
        await self.delivery.start(Event("usage", message, Context(tenant=tenant), event_id))
        whose = "tenant" if user is None else "user"
        metric("BudgetReached", 1, measure=budget.measure, threshold=str(threshold), whose=whose)
        logger.warning("budget_reached", extra={"fields": {"tenant": tenant, "what": what}})
        await self.ledger.alerted(tenant, what)
        if len(self._told) >= _KNOWN_MAX:
            self._told.clear()
        self._told.add((tenant, what))


def _message(
    user: str | None, budget: Budget, threshold: int
) -> BudgetReachedV1 | UserBudgetReachedV1:
    fields = {
        "period": budget.period,
        "measure": budget.measure,
        "threshold": threshold,
        "limit": budget.limit,
        "used": budget.used,
        "resets_at": budget.resets_at,
    }
    if user is None:
        return BudgetReachedV1.model_validate(fields)
    return UserBudgetReachedV1.model_validate({**fields, "user": user})
