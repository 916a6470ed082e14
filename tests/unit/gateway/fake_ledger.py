"""services.gateway.services.ports.Ledger and Rates in memory; the scripts' own tests use Redis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from services.gateway.models.refusals import LedgerMissing, TenantDeleted
from services.gateway.models.tenant import NO_LIMITS, Deletion, Limits, TenantSettings, UserLimits
from services.gateway.models.usage import (
    NANO,
    NOBODY,
    Amount,
    Budget,
    Counted,
    Hold,
    Line,
    Spent,
    Totals,
    budgets,
    month_of,
)
from shared.errors import Unavailable


def _sum(amounts: Sequence[Amount]) -> Amount:
    return Amount(sum(a.nano_usd for a in amounts), sum(a.tokens for a in amounts))


@dataclass
class FakeLedger:
    """`missing` names tenants whose sums are gone; `down`: Redis is away."""

    counted: dict[tuple[str, str], tuple[date, Counted]] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    lapsed: set[str] = field(default_factory=set)
    kept: dict[str, tuple[int, TenantSettings]] = field(default_factory=dict)
    alerts: set[tuple[str, str]] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    deletions: dict[str, Deletion] = field(default_factory=dict)
    down: bool = False

    def limit(self, tenant: str, **limits: object) -> None:
        """Sets the tenant's limits as if an operator had."""
        self.kept[tenant] = (1, TenantSettings(limits=Limits.model_validate(limits)))

    async def ping(self) -> None:
        if self.down:
            raise Unavailable("redis")

    async def begin(self, epoch: str) -> None:
        await self.ping()

    async def tenants(self) -> list[str]:
        await self.ping()
        seen = {tenant for tenant, _ in self.counted} | self.kept.keys()
        return sorted(seen | {hold.tenant for hold in self.holds.values()})

    async def reserve(
        self, hold: Hold, limits: Limits, user_limits: UserLimits = NO_LIMITS
    ) -> Budget | None:
        """Of each user's limits only what is held counts: the script's own tests use Redis."""
        await self._check(hold.tenant)
        if hold.id in self.holds:
            return None
        of_user = Limits(**user_limits.model_dump())
        for budget in budgets(of_user, Totals(hold.day, Amount(), Amount())):
            most = _sum([hold.own, hold.rest])
            need = most.nano_usd / NANO if budget.measure == "usd" else Decimal(most.tokens)
            if need > budget.limit:
                return replace(budget, whose="user")
        held = [(one.own, one.rest) for one in self.holds.values() if one.tenant == hold.tenant]
        needed = _sum([*(part for parts in held for part in parts), hold.own, hold.rest])
        for budget in budgets(limits, await self.totals(hold.tenant, hold.day)):
            need = needed.nano_usd / NANO if budget.measure == "usd" else Decimal(needed.tokens)
            if budget.used + need > budget.limit:
                return budget
        self.holds[hold.id] = hold
        return None

    async def renew(self, tenant: str, holds: Sequence[str]) -> None:
        await self.ping()
        self.renewed += holds

    async def settle(self, hold: Hold, calls: Sequence[Counted], pending: Amount) -> Totals:
        await self._check(hold.tenant)
        self.holds.pop(hold.id, None)
        self.settled.append(hold.id)
        return await self.count(hold.tenant, hold.day, calls, hold.id, own=True)

    async def count(
        self, tenant: str, day: date, calls: Sequence[Counted], turn_id: str | None, *, own: bool
    ) -> Totals:
        await self._check(tenant)
        for call in calls:
            self.counted.setdefault((tenant, call.event_id), (day, call))
        return await self.totals(tenant, day)

    async def expired(self, tenant: str) -> list[Hold]:
        await self.ping()
        mine = [hold for hold in self.holds.values() if hold.tenant == tenant]
        return [hold for hold in mine if hold.id in self.lapsed]

    async def sweep(self, hold: Hold, event_id: str) -> Amount:
        return self.holds.pop(hold.id).own if hold.id in self.holds else Amount()

    async def totals(self, tenant: str, day: date) -> Totals:
        return await self._totals(tenant, None, day)

    async def user_totals(self, tenant: str, user: str, day: date) -> Totals:
        return await self._totals(tenant, user, day)

    async def _totals(self, tenant: str, user: str | None, day: date) -> Totals:
        await self.ping()
        mine = [
            (on, call.spent.amount)
            for (t, _), (on, call) in self.counted.items()
            if t == tenant and user in (None, call.line.user)
        ]
        of_month = [amount for on, amount in mine if month_of(on) == month_of(day)]
        return Totals(day, _sum([amount for on, amount in mine if on == day]), _sum(of_month))

    async def lines(self, tenant: str, first: date, last: date) -> dict[tuple[date, Line], Spent]:
        await self._check(tenant)
        found: dict[tuple[date, Line], Spent] = {}
        for (its_tenant, _), (day, call) in self.counted.items():
            if its_tenant == tenant and first <= day <= last:
                key = (day, call.line)
                found[key] = found.get(key, Spent()) + call.spent
        return found

    async def anonymise(self, tenant: str, user: str | None) -> int:
        days = set()
        for key, (day, call) in self.counted.items():
            if key[0] == tenant and user in (None, call.line.user):
                nobody = replace(call, line=replace(call.line, user=NOBODY))
                self.counted[key] = (day, nobody)
                days.add(day)
        return len(days)

    async def claim_alert(self, tenant: str, what: str) -> bool:
        await self.ping()
        return (tenant, what) not in self.alerts

    async def alerted(self, tenant: str, what: str) -> None:
        self.alerts.add((tenant, what))

    async def settings(self, tenant: str) -> tuple[int, TenantSettings]:
        await self._check(tenant)
        return self.kept.get(tenant, (0, TenantSettings()))

    async def put_settings(self, tenant: str, settings: TenantSettings) -> int:
        revision, _ = await self.settings(tenant)
        self.kept[tenant] = (revision + 1, settings)
        return revision + 1

    async def deletion(self, tenant: str) -> Deletion | None:
        return self.deletions.get(tenant)

    async def delete(self, tenant: str, deletion: Deletion) -> int:
        await self.ping()
        self.deletions[tenant] = deletion
        self.kept.pop(tenant, None)
        self.counted = {key: one for key, one in self.counted.items() if key[0] != tenant}
        self.holds = {key: one for key, one in self.holds.items() if one.tenant != tenant}
        return 1

    async def reopen(self, tenant: str) -> None:
        self.deletions.pop(tenant, None)

    async def _check(self, tenant: str) -> None:
        await self.ping()
        if tenant in self.deletions:
            raise TenantDeleted
        if tenant in self.missing:
            raise LedgerMissing


@dataclass
class FakeRates:
    """`waits_s` by name; names that are not there have room."""

    waits_s: dict[str, float] = field(default_factory=dict)
    asked: list[dict[str, int]] = field(default_factory=list)

    async def wait_s(self, tenant: str, per_minute: Mapping[str, int]) -> float:
        self.asked.append(dict(per_minute))
        return max((self.waits_s.get(name, 0.0) for name in per_minute), default=0.0)
