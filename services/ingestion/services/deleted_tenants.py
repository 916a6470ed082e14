"""What becomes of a deleted tenant, and of what comes late from it."""

import logging
from asyncio import Event
from dataclasses import dataclass
from datetime import datetime

from contracts.envelope import Context, derived_id
from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1
from contracts.topology import CLAIMS_PREFIX, INBOX_PREFIX, MANIFESTS_PREFIX, UPLOADS_PREFIX
from services.ingestion.models.deleted_tenant import Deleted
from services.ingestion.models.errors import TenantClosed
from services.ingestion.services.announcing import origin_of
from services.ingestion.services.ports import Carrier
from services.ingestion.services.ports import DeletedTenants as Store
from shared.late import Remembered, is_late
from shared.ports import Publisher

logger = logging.getLogger(__name__)
_PREFIXES = (MANIFESTS_PREFIX, UPLOADS_PREFIX, INBOX_PREFIX, CLAIMS_PREFIX)


@dataclass(frozen=True)
class DeletedTenants:
    """Every method raises Unavailable. `purge` wakes upkeep."""

    store: Store
    carrier: Carrier
    publisher: Publisher
    purge: Event
    known: Remembered[Deleted | None]

    async def until(self, tenant: str) -> datetime | None:
        """What was made up to then is a deleted tenant's."""
        deleted = await self.known.of(tenant)
        return None if deleted is None else deleted.until

    async def is_late(self, context: Context) -> bool:
        """Whether an offer is a deleted tenant's. Raises TenantClosed while there is no new one."""
        deleted = await self.known.of(context.tenant)
        if deleted is None:
            return False
        if is_late(context, deleted.until):
            return True
        if deleted.closed:
            raise TenantClosed
        return False

    async def delete(self, wanted: TenantDeletedV1, context: Context) -> None:
        """Deletes the tenant's documents, each with its proof; from round 2 on all that is left.

        While a deletion is not confirmed by every service it answers nothing: it is asked again.
        """
        tenant, removed = context.tenant, dict[str, int]()
        await self.store.delete_documents(origin_of(context), wanted.until)
        self.known.forget(tenant)
        self.purge.set()
        if wanted.round > 1:
            if not await self.store.is_purged(tenant):
                logger.info("tenant_not_purged_yet")
                return
            removed = await self.store.forget(tenant)
            for prefix in _PREFIXES:
                place = prefix.rstrip("/")
                removed[place] = removed.get(place, 0) + await self._remove(f"{prefix}{tenant}/")
        done = ErasureDoneV1(
            erasure_id=wanted.erasure_id, service="ingestion", round=wanted.round, removed=removed
        )
        event_id = derived_id(wanted.erasure_id, wanted.round, done.service)
        await self.publisher.publish("erasures", done, context, id=event_id)

    async def _remove(self, prefix: str) -> int:
        """Objects that no version has, such as uploads that nobody offered."""
        keys = [key async for key in self.carrier.keys(prefix)]
        for key in keys:
            await self.carrier.delete(key)
        return len(keys)
