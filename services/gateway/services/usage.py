"""What model calls consumed: counted from their events, shown by month."""

from dataclasses import dataclass

from services.gateway.models.principal import Principal
from services.gateway.models.usage import NOBODY, MonthlyUsage, Spent, month_of
from services.gateway.services.ports import UsageLedger
from shared.ports import Clock


@dataclass(frozen=True)
class Usage:
    """Both raise Unavailable."""

    ledger: UsageLedger
    clock: Clock

    async def count(self, tenant: str, user: str | None, event_id: str, spent: Spent) -> None:
        """An event counts in the month in which it first arrives."""
        month = month_of(self.clock.now())
        await self.ledger.add(tenant, user or NOBODY, month, event_id, spent)

    async def show(self, who: Principal) -> MonthlyUsage:
        """This month. Everyone sees their own sum, an admin those of the tenant's users too."""
        month = month_of(self.clock.now())
        users = await self.ledger.of_month(who.tenant, month)
        return MonthlyUsage(
            month=month,
            own=users.get(who.user, Spent()),
            users=users if "admin" in who.scopes else None,
        )
