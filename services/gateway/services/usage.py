"""Counts what model calls consumed, and shows it."""

from dataclasses import dataclass

from services.gateway.models.principal import Principal
from services.gateway.models.usage import NOBODY, Spent, UsageLedger, month_of
from shared.ports import Clock


@dataclass(frozen=True)
class CountUsage:
    """Raises Unavailable; an event counts in the month in which it arrives first."""

    ledger: UsageLedger
    clock: Clock

    async def __call__(self, tenant: str, user: str | None, event_id: str, spent: Spent) -> None:
        month = month_of(self.clock.now())
        await self.ledger.add(tenant, user or NOBODY, month, event_id, spent)


@dataclass(frozen=True)
class ShowUsage:
    """Everyone sees their own figures, an admin everybody's in the tenant."""

    ledger: UsageLedger
    clock: Clock

    async def __call__(self, who: Principal) -> tuple[str, Spent, dict[str, Spent] | None]:
        """The month, the principal's own sum, and by user for an admin."""
        month = month_of(self.clock.now())
        users = await self.ledger.of_month(who.tenant, month)
        everybody = users if "admin" in who.scopes else None
        return month, users.get(who.user, Spent()), everybody
