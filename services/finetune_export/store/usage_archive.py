"""The archive of usage: model calls by tenant and day, and tenants' settings."""

from collections.abc import Sequence
from datetime import date

from services.finetune_export.models.archived_usage import (
    USAGE_PREFIX,
    ArchivedCall,
    ArchivedSettings,
    is_settings,
    key_of,
    settings_prefix,
    usage_prefix,
)
from services.finetune_export.models.tombstones import Tombstone, erased_prefix
from services.finetune_export.store.objects import Objects


class UsageStore:
    """Implements services.ports.UsageArchive."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def write_calls(self, calls: Sequence[ArchivedCall]) -> None:
        """The same calls are the same object. Late calls of an erased user lose the name."""
        tenant = calls[0].tenant
        erased = [key async for key in self._objects.keys(erased_prefix(tenant))]
        calls = [_nameless(call) if _covered(call, erased) else call for call in calls]
        lines = "".join(f"{call.model_dump_json()}\n" for call in calls)
        await self._objects.put_new(key_of(calls), lines.encode())

    async def anonymise(self, tenant: str, user: str | None) -> int:
        # By object: a change that meets another writer is made again.
        counts: dict[str, int] = {}

        def nameless(key: str, body: bytes) -> bytes:
            calls = [ArchivedCall.model_validate_json(line) for line in body.splitlines()]
            theirs = [call.user is not None and user in (None, call.user) for call in calls]
            counts[key] = sum(theirs)
            if not any(theirs):
                return body
            kept = [
                _nameless(call) if own else call for call, own in zip(calls, theirs, strict=True)
            ]
            return "".join(f"{call.model_dump_json()}\n" for call in kept).encode()

        keys = [key async for key in self._objects.keys(usage_prefix(tenant))]
        await self._objects.change_each([key for key in keys if not is_settings(key)], nameless)
        return sum(counts.values())

    async def write_settings(self, settings: ArchivedSettings) -> None:
        await self._objects.put_new(settings.key, settings.model_dump_json().encode())

    async def tenants(self, after: str | None, limit: int) -> list[str]:
        found: list[str] = []
        async for tenant in self._objects.folders(USAGE_PREFIX):
            if after is None or tenant > after:
                found.append(tenant)
            if len(found) == limit:
                break
        return found

    async def calls(
        self, tenant: str, since: date, after: str | None, limit: int
    ) -> tuple[list[ArchivedCall], str | None]:
        prefix = usage_prefix(tenant)
        found: list[ArchivedCall] = []
        start = after or f"{prefix}{since.isoformat()}"
        async for key in self._objects.keys(prefix, start):
            if is_settings(key):
                break
            lines = (await self._objects.read(key) or b"").splitlines()
            found += [ArchivedCall.model_validate_json(line) for line in lines]
            if len(found) >= limit:
                return found, key
        return found, None

    async def newest_settings(self, tenant: str) -> ArchivedSettings | None:
        last = None
        async for key in self._objects.keys(settings_prefix(tenant)):
            last = key
        body = await self._objects.read(last) if last else None
        return ArchivedSettings.model_validate_json(body) if body else None


def _nameless(call: ArchivedCall) -> ArchivedCall:
    return call.model_copy(update={"user": None})


def _covered(call: ArchivedCall, tombstones: Sequence[str]) -> bool:
    user = call.user
    return user is not None and any(Tombstone.covers(key, user, call.at) for key in tombstones)
