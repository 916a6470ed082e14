"""Prompts in the archive bucket: each version and each move of a label is an object."""

from services.finetune_export.models.archived_prompt import (
    ArchivedMove,
    ArchivedVersion,
    labels_prefix,
    version_key,
)
from services.finetune_export.store.objects import Objects


class PromptStore:
    """Implements services.ports.PromptArchive."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def write_version(self, version: ArchivedVersion) -> None:
        await self._objects.put_new(version.key, version.model_dump_json().encode())

    async def write_move(self, move: ArchivedMove) -> None:
        await self._objects.put_new(move.key, move.model_dump_json().encode())

    async def newest(self, tenant: str) -> list[tuple[ArchivedMove, ArchivedVersion]]:
        newest: dict[str, str] = {}
        # The keys come in their order, so of a label's moves the newest one is the last.
        async for key in self._objects.keys(labels_prefix(tenant)):
            newest[key.rpartition("/")[0]] = key
        found = []
        for key in newest.values():
            body = await self._objects.read(key)
            move = ArchivedMove.model_validate_json(body) if body else None
            if move is None or move.version is None:
                continue
            body = await self._objects.read(version_key(tenant, move.name, move.version))
            if body:
                found.append((move, ArchivedVersion.model_validate_json(body)))
        return found
