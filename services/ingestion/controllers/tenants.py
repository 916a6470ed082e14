"""Tenants: note a reached limit and changed settings; delete one."""

from dataclasses import dataclass
from decimal import Decimal

from contracts.envelope import Context
from contracts.gateway.erasures import TenantDeletedV1
from contracts.platform.usage import BudgetReachedV1, TenantChangedV1
from services.ingestion.models.tenant import Reached
from services.ingestion.services.deleted_tenants import DeletedTenants
from services.ingestion.services.tenants import Tenants
from shared.outcomes import Done, Outcome

_WHOLE = 100


@dataclass(frozen=True)
class TenantsController:
    tenants: Tenants
    ends: DeletedTenants

    async def budget_reached(self, message: BudgetReachedV1, context: Context) -> Outcome:
        """Only the whole limit stops work; the thresholds before it are for people."""
        if message.threshold >= _WHOLE:
            reached = Reached(
                period=message.period,
                measure=message.measure,
                limit=message.limit,
                used=message.used,
                resets_at=message.resets_at,
            )
            await self.tenants.budget_reached(context.tenant, reached)
        return Done()

    async def changed(self, message: TenantChangedV1, context: Context) -> Outcome:
        limits = message.limits
        named = {
            "usd_day": limits.usd_day,
            "usd_month": limits.usd_month,
            "tokens_day": limits.tokens_day,
            "tokens_month": limits.tokens_month,
        }
        await self.tenants.changed(
            context.tenant,
            message.revision,
            {name: Decimal(limit) for name, limit in named.items() if limit is not None},
            suspended=message.suspended,
            chunking=message.chunking,
        )
        return Done()

    async def deleted(self, message: TenantDeletedV1, context: Context) -> Outcome:
        await self.ends.delete(message, context)
        return Done()
