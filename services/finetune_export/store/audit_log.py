"""The audit bucket: what is written there can be neither changed nor removed until its date."""

from collections.abc import AsyncIterator
from datetime import date

from services.finetune_export.models.audit import LINES_PREFIX, SEALS_PREFIX
from services.finetune_export.store.objects import Objects


class AuditStore:
    """Implements services.ports.AuditLog."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def write(self, key: str, body: bytes) -> bool:
        return await self._objects.put_new(key, body)

    async def read(self, key: str) -> bytes:
        return await self._objects.read(key) or b""

    def segments(self, day: date | None = None) -> AsyncIterator[str]:
        prefix = f"{LINES_PREFIX}{day.isoformat()}/" if day else LINES_PREFIX
        return self._objects.keys(prefix)

    async def days(self) -> list[date]:
        found = self._objects.folders(LINES_PREFIX)
        return [date.fromisoformat(day) async for day in found]

    def seals(self) -> AsyncIterator[str]:
        return self._objects.keys(SEALS_PREFIX)
