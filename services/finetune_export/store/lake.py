"""The lake: one part a tenant and day, made from the archive and made again when it changes."""

from collections.abc import AsyncIterator, Iterable
from datetime import date
from uuid import uuid4

from services.finetune_export.models.lake_turn import LAKE_PREFIX, day_prefix, marks_prefix
from services.finetune_export.store.objects import Objects


class Lake:
    """Implements services.ports.LakeParts."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def days(self, tenant: str) -> set[date]:
        found = self._objects.folders(f"{LAKE_PREFIX}tenant={tenant}/")
        return {date.fromisoformat(name.removeprefix("day=")) async for name in found}

    async def parts(self, tenant: str, day: date) -> list[str]:
        return [key async for key in self._objects.keys(day_prefix(tenant, day))]

    async def change(self, tenant: str, days: Iterable[date]) -> int:
        count = 0
        for day in sorted(set(days)):
            await self._objects.put_empty([f"{marks_prefix(tenant, day)}{uuid4()}"])
            parts = await self.parts(tenant, day)
            await self._objects.remove(parts)
            count += len(parts)
        return count

    async def marks(self, tenant: str, day: date) -> set[str]:
        return {key async for key in self._objects.keys(marks_prefix(tenant, day))}

    async def write(self, key: str, body: bytes) -> None:
        await self._objects.put(key, body, "application/vnd.apache.parquet")

    async def remove(self, keys: Iterable[str]) -> None:
        await self._objects.remove(keys)

    async def read(self, tenant: str | None) -> AsyncIterator[tuple[str, bytes]]:
        """Each part's key and bytes, of one tenant or of all."""
        prefix = f"{LAKE_PREFIX}tenant={tenant}/" if tenant else LAKE_PREFIX
        async for key in self._objects.keys(prefix):
            body = await self._objects.read(key)
            if body is not None:
                yield key, body
