"""Trainings, their states and their line, in the archive's bucket."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from hashlib import sha256

from services.finetune_export.models.export import export_prefix
from services.finetune_export.models.tombstones import Tombstone, hidden
from services.finetune_export.models.training import (
    LINE_KEY,
    TRAININGS_PREFIX,
    InLine,
    Line,
    TrainingState,
    training_prefix,
)
from services.finetune_export.store.objects import Objects

# Of a table of losses this much is read: about 100,000 steps.
_TABLE_BYTES = 4 * 1024 * 1024


class Trainings:
    """Implements services.ports.TrainingStates and SetFiles."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def begin(self, state: TrainingState) -> TrainingState:
        """Users of the set first, so that an erasure finds the training."""
        tenant, prefix = state.request.tenant, training_prefix(state.request.tenant, state.id)
        noted = f"{export_prefix(tenant, state.request.export_id)}users/"
        users = [key.removeprefix(noted) async for key in self._objects.keys(noted)]
        await self._objects.put_empty(f"{prefix}users/{user}" for user in users)
        if await self._objects.put_new(state.key, state.model_dump_json().encode()):
            return state
        return await self.training(tenant, state.id) or state

    async def training(self, tenant: str, training_id: str) -> TrainingState | None:
        body = await self._objects.read(f"{training_prefix(tenant, training_id)}state.json")
        return TrainingState.model_validate_json(body) if body else None

    async def change(
        self, state: TrainingState, change: Callable[[TrainingState], TrainingState]
    ) -> TrainingState | None:
        last: TrainingState | None = None

        def changed(body: bytes) -> bytes:
            nonlocal last
            before = TrainingState.model_validate_json(body)
            last = change(before)
            return body if last == before else last.model_dump_json().encode()

        there = await self._objects.change(state.key, changed)
        return last if there or await self._objects.read(state.key) is not None else None

    async def of_tenant(self, tenant: str) -> list[TrainingState]:
        ids = [one async for one in self._objects.folders(f"{TRAININGS_PREFIX}{tenant}/")]
        found = [await self.training(tenant, one) for one in ids]
        return [state for state in found if state is not None]

    async def everywhere(self) -> AsyncIterator[TrainingState]:
        tenants = [one async for one in self._objects.folders(TRAININGS_PREFIX)]
        for tenant in tenants:
            for state in await self.of_tenant(tenant):
                yield state

    async def holds(self, state: TrainingState, tombstone: Tombstone) -> bool:
        prefix = training_prefix(state.request.tenant, state.id)
        user = hidden(tombstone.user) if tombstone.user else ""
        async for _ in self._objects.keys(f"{prefix}users/{user}"):
            return True
        return False

    async def users(self, state: TrainingState) -> set[str]:
        prefix = f"{training_prefix(state.request.tenant, state.id)}users/"
        return {key.removeprefix(prefix) async for key in self._objects.keys(prefix)}

    async def line(self) -> Line:
        body = await self._objects.read(LINE_KEY)
        return Line.model_validate_json(body) if body else Line()

    async def join(self, entry: InLine) -> None:
        await self._objects.put_new(LINE_KEY, Line().model_dump_json().encode())
        await self._change_line(lambda line: line.joined(entry))

    async def leave(self, training_id: str) -> None:
        await self._change_line(lambda line: line.left(training_id))

    async def _change_line(self, change: Callable[[Line], Line]) -> None:
        def changed(body: bytes) -> bytes:
            before = Line.model_validate_json(body)
            after = change(before)
            return body if after == before else after.model_dump_json().encode()

        await self._objects.change(LINE_KEY, changed)

    async def manifest(self, tenant: str, export_id: str) -> bytes | None:
        return await self._objects.read(f"{export_prefix(tenant, export_id)}manifest.json")

    async def digest(self, tenant: str, export_id: str, name: str) -> str | None:
        found, there = sha256(), False
        async for chunk in self._objects.chunks(f"{export_prefix(tenant, export_id)}{name}"):
            found.update(chunk)
            there = True
        return found.hexdigest() if there else None

    async def discard_output(self, state: TrainingState) -> None:
        await self._objects.remove([key async for key in self._objects.keys(_output(state))])

    async def table(self, state: TrainingState, name: str) -> bytes:
        async for key in self._objects.keys(_output(state)):
            if key.endswith(f"/{name}"):
                return await self._whole_lines(key)
        return b""

    async def _whole_lines(self, key: str) -> bytes:
        found = b""
        async with aclosing(self._objects.chunks(key)) as chunks:
            async for chunk in chunks:
                found += chunk
                if len(found) >= _TABLE_BYTES:
                    return found[: found.rfind(b"\n") + 1]
        return found


def _output(state: TrainingState) -> str:
    """Where the provider writes."""
    return f"{training_prefix(state.request.tenant, state.id)}output/"
