"""Training sets and their states, beside the turns that they are made of."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path

from services.finetune_export.models.archived_feedback import FEEDBACK_PREFIX, ArchivedFeedback
from services.finetune_export.models.archived_turn import TURNS_PREFIX, ArchivedTurn
from services.finetune_export.models.export import (
    DESCRIPTIONS,
    EXPORTS_PREFIX,
    ExportRequest,
    ExportState,
    export_prefix,
)
from services.finetune_export.models.tombstones import Tombstone, hidden
from services.finetune_export.store.archive import Archive
from services.finetune_export.store.objects import Objects
from services.finetune_export.store.usage_archive import UsageStore

# Long enough to begin a download; what is erased in between is gone all the same.
LINK_S = 300


class Exports:
    """Implements services.ports.ExportArchive, ExportStates and TrainingSets."""

    def __init__(
        self,
        objects: Objects,
        archive: Archive,
        ended: Callable[[str], Awaitable[datetime | None]],
    ) -> None:
        """`ended` says until when a tenant of the name was deleted."""
        self._objects, self._archive, self._ended = objects, archive, ended

    async def consents(self, tenant: str) -> bool:
        settings = await UsageStore(self._objects).newest_settings(tenant)
        return bool(settings and settings.body.get("consent_to_training"))

    async def tombstones(self, tenant: str) -> set[str]:
        """That of the whole tenant too: its deletion may have come meanwhile."""
        found, ended = await self._archive.tombstones(tenant), await self._ended(tenant)
        if ended is not None:
            found.add(Tombstone(tenant=tenant, user=None, until=ended).key)
        return found

    async def turn_keys(self, tenant: str) -> AsyncIterator[str]:
        async for key in self._objects.keys(f"{TURNS_PREFIX}{tenant}/"):
            yield key

    async def read(self, key: str) -> ArchivedTurn | None:
        return await self._archive.read(key)

    async def rated(self, tenant: str) -> set[str]:
        prefix = f"{FEEDBACK_PREFIX}{tenant}/"
        return {ArchivedFeedback.rated_key(key) async for key in self._objects.keys(prefix)}

    async def feedback(self, turn: ArchivedTurn) -> list[ArchivedFeedback]:
        return await self._archive.feedback(turn)

    async def note_users(self, request: ExportRequest, users: Iterable[str]) -> None:
        await self._objects.put_empty(_notes(request, users))

    async def forget_others(self, request: ExportRequest, users: Iterable[str]) -> None:
        kept = _notes(request, users)
        prefix = f"{export_prefix(request.tenant, request.id)}users/"
        noted = [key async for key in self._objects.keys(prefix)]
        await self._objects.remove([key for key in noted if key not in kept])

    async def put_set_file(self, request: ExportRequest, name: str, path: Path) -> None:
        await self._objects.put_file(f"{export_prefix(request.tenant, request.id)}{name}", path)

    async def put_set_text(self, request: ExportRequest, name: str, text: str) -> None:
        key = f"{export_prefix(request.tenant, request.id)}{name}"
        await self._objects.put(key, text.encode())

    async def withdraw(self, tombstone: Tombstone) -> int:
        """Files first, the note last: a crash in between leaves the note to lead here again.

        A set that is being made keeps its notes: it is made anew, without what is erased.
        One that the operator's command made has no state.
        """
        count = 0
        for export_id in await self.ids(tombstone.tenant):
            prefix = export_prefix(tombstone.tenant, export_id)
            notes = f"{prefix}users/{hidden(tombstone.user) if tombstone.user else ''}"
            held = [key async for key in self._objects.keys(notes)]
            state = await self.state(tombstone.tenant, export_id)
            if not held:
                continue
            await self._remove_files(prefix)
            if state is not None and state.status == "running":
                continue
            if state is not None:
                await self.save(state.withdrawn())
            await self._objects.remove([key async for key in self._objects.keys(f"{prefix}users/")])
            count += 1
        return count

    async def remove_set(self, request: ExportRequest) -> None:
        await self._remove_files(export_prefix(request.tenant, request.id))

    async def _remove_files(self, prefix: str) -> None:
        kept = (f"{prefix}users/", f"{prefix}state.json")
        found = [key async for key in self._objects.keys(prefix) if not key.startswith(kept)]
        await self._objects.remove(found)

    async def begin(self, state: ExportState) -> ExportState:
        """The state that is there: of two that begin at once, the first one's."""
        if await self._objects.put_new(state.key, state.model_dump_json().encode()):
            return state
        return await self.state(state.request.tenant, state.id) or state

    async def save(self, state: ExportState) -> None:
        await self._objects.put(state.key, state.model_dump_json().encode())

    async def state(self, tenant: str, export_id: str) -> ExportState | None:
        body = await self._objects.read(f"{export_prefix(tenant, export_id)}state.json")
        return ExportState.model_validate_json(body) if body else None

    async def has_files(self, state: ExportState) -> bool:
        prefix = export_prefix(state.request.tenant, state.id)
        return await self._objects.read(f"{prefix}manifest.json") is not None

    async def links(self, state: ExportState) -> dict[str, str]:
        manifest, prefix = state.manifest, export_prefix(state.request.tenant, state.id)
        if state.status != "done" or manifest is None:
            return {}
        names = [*(one["name"] for one in manifest["files"]), *DESCRIPTIONS]
        return {
            name: await self._objects.link(f"{prefix}{name}", f"{state.id}-{name}", LINK_S)
            for name in names
        }

    async def ids(self, tenant: str) -> list[str]:
        return [one async for one in self._objects.folders(f"{EXPORTS_PREFIX}{tenant}/")]


def _notes(request: ExportRequest, users: Iterable[str]) -> set[str]:
    prefix = f"{export_prefix(request.tenant, request.id)}users/"
    return {prefix + hidden(user) for user in users}
