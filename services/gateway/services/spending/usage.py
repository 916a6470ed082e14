"""What was spent, summed by day, user, model or purpose, and what is left of the limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from services.gateway.models.principal import Principal
from services.gateway.models.refusals import InvalidRequest
from services.gateway.models.usage import Budget, Line, Spent, budgets, day_of
from services.gateway.services.ports import Ledger
from services.gateway.services.spending.tenants import Tenants
from shared.ports import Clock

DAYS_MAX = 400
_KEYS: Mapping[str, Callable[[date, Line], str]] = {
    "day": lambda day, _: day.isoformat(),
    "user": lambda _, line: line.user,
    "model": lambda _, line: line.model,
    "purpose": lambda _, line: line.purpose,
}


@dataclass(frozen=True, slots=True)
class UsageReport:
    """`rows` by key, in the keys' order; `limits` is None for who may not see the tenant's."""

    first: date
    last: date
    rows: dict[str, Spent]
    total: Spent
    limits: list[Budget] | None


@dataclass(frozen=True)
class Usage:
    ledger: Ledger
    tenants: Tenants
    clock: Clock

    async def show(
        self, who: Principal, by: str, first: date | None, last: date | None
    ) -> UsageReport:
        """These days, by default the month up to today. Everyone sees their own, an admin all.

        Raises InvalidRequest, Unavailable or LedgerMissing.
        """
        today = day_of(self.clock.now())
        last = last or today
        first = first or last.replace(day=1)
        if first > last:
            raise InvalidRequest("from", "It is after 'to'.")
        if last - first >= timedelta(days=DAYS_MAX):
            raise InvalidRequest("from", f"Ask for {DAYS_MAX} days at most.")
        admin, key = "admin" in who.scopes, _KEYS[by]
        rows: dict[str, Spent] = {}
        for (day, line), spent in (await self.ledger.lines(who.tenant, first, last)).items():
            if admin or line.user == who.user:
                name = key(day, line)
                rows[name] = rows[name] + spent if name in rows else spent
        total = sum(rows.values(), Spent())
        limits = await self._limits(who.tenant, today) if admin else None
        return UsageReport(first, last, dict(sorted(rows.items())), total, limits)

    async def _limits(self, tenant: str, today: date) -> list[Budget]:
        _, settings = await self.ledger.settings(tenant)
        return budgets(settings.limits, await self.ledger.totals(tenant, today))
