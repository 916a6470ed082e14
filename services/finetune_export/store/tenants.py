"""Deleted tenants in the archive bucket: a tombstone each, and nothing else."""

from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256

from services.finetune_export.models.lake_turn import LAKE_PREFIX
from services.finetune_export.models.tombstones import ERASED_PREFIX
from services.finetune_export.store.objects import Objects

# No tenant has this name. S3 removes tombstones when nothing can come late any more.
_TOMBSTONES = f"{ERASED_PREFIX}-/"
# So many keys are held at once.
_BATCH = 1000


class Tenants:
    """Implements services.ports.Tenants. Under each of `prefixes` a tenant has a folder."""

    def __init__(self, objects: Objects, prefixes: Sequence[str]) -> None:
        self._objects, self._prefixes = objects, prefixes

    async def delete(
        self, tenant: str, until: datetime, kept: Collection[str] = ()
    ) -> dict[str, int]:
        """A message may be written meanwhile by who has read before: the next round finds it."""
        await self._objects.put(_tombstone(tenant), until.isoformat().encode())
        return {
            prefix.rstrip("/"): await self._remove(_folder(prefix, tenant), kept)
            for prefix in self._prefixes
        }

    async def deleted_until(self, tenant: str) -> datetime | None:
        body = await self._objects.read(_tombstone(tenant))
        return None if body is None else datetime.fromisoformat(body.decode())

    async def _remove(self, folder: str, kept: Collection[str]) -> int:
        """Of all objects that are not kept, with all their versions."""
        removed, batch = 0, list[str]()
        async for key in self._objects.keys(folder):
            if key not in kept:
                batch.append(key)
            if len(batch) == _BATCH:
                await self._objects.remove(batch)
                removed, batch = removed + len(batch), []
        await self._objects.remove(batch)
        return removed + len(batch)


def _folder(prefix: str, tenant: str) -> str:
    """What of the tenant lies under the prefix."""
    lake = LAKE_PREFIX.startswith(prefix)
    return f"{LAKE_PREFIX}tenant={tenant}/" if lake else f"{prefix}{tenant}/"


def _tombstone(tenant: str) -> str:
    """It outlives its tenant, so it does not hold the name."""
    return f"{_TOMBSTONES}{sha256(tenant.encode()).hexdigest()}"
