"""Tenants: whose documents have to wait, since money is spent or the tenant is suspended."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from services.ingestion.models.tenant import Reached, Tenant
from services.ingestion.services.ports import Tenants as TenantStore
from shared.ports import Clock

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tenants:
    """Both raise Unavailable. Documents that a worker holds already are finished."""

    store: TenantStore
    clock: Clock

    async def budget_reached(self, tenant: str, told: Reached) -> None:
        now = self.clock.now()
        await self.store.update(tenant, lambda known: known.with_reached(told, now), now)
        logger.warning("tenant_waits", extra={"fields": {"period": told.period}})

    async def changed(
        self,
        tenant: str,
        revision: int,
        limits: Mapping[str, Decimal],
        *,
        suspended: bool,
        chunking: str | None,
    ) -> None:
        """An older revision than the known one changes nothing."""

        def newest(known: Tenant) -> Tenant:
            if known.revision >= revision:
                return known
            return Tenant(
                revision=revision,
                limits=dict(limits),
                suspended=suspended,
                chunking=chunking,
                reached=known.reached,
            )

        await self.store.update(tenant, newest, self.clock.now())
