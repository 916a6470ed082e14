"""Makes a training set from a tenant's archived turns, stage by stage."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from services.finetune_export.models.archived_feedback import ArchivedFeedback
from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.models.audit import Act
from services.finetune_export.models.example import canonical
from services.finetune_export.models.export import ExportRequest, Stage
from services.finetune_export.services.auditing import Auditing
from services.finetune_export.services.exporting.limits import ExportRefused, limits_of
from services.finetune_export.services.exporting.manifest import card_of, manifest_of
from services.finetune_export.services.exporting.preparing import Preparing
from services.finetune_export.services.exporting.selecting import (
    Judged,
    consent_reason,
    erasure_reason,
    judged,
    stands,
)
from services.finetune_export.services.exporting.workbench import Workbench, opened_workbench
from services.finetune_export.services.exporting.writing import Progress, check_size, written
from services.finetune_export.services.ports import ExportArchive
from services.finetune_export.services.screening.screening import Screening

STAGES = ("consent", "erasure", "quality", "screening", "duplicates", "split", "validation")
_READ_AT_ONCE = 32


@dataclass
class MadeSet:
    """What one run has gathered."""

    stages: dict[str, Stage] = field(
        default_factory=lambda: {name: Stage(name=name) for name in STAGES}
    )
    prompts: Counter[str] = field(default_factory=Counter)
    users: set[str] = field(default_factory=set)
    read: Any = field(default_factory=sha256)


@dataclass(frozen=True)
class Exporting:
    """`screening` with names needs the dependency group `training`."""

    archive: ExportArchive
    screening: Screening
    audit: Auditing

    async def export(
        self, request: ExportRequest, progress: Progress = lambda _stage, _count: None
    ) -> dict[str, Any]:
        """The manifest; files, manifest and card are in the archive then.

        Raises ExportRefused when there is nothing that may be trained with, Unavailable.
        """
        while True:
            before = await self.archive.tombstones(request.tenant)
            manifest, users = await self._made(request, sorted(before), progress)
            # An erasure that came meanwhile may have looked for sets too early.
            if await self.archive.tombstones(request.tenant) <= before:
                await self.archive.forget_others(request, users)
                await self.audit.note(_act(request, manifest))
                return manifest
            await self.archive.remove_set(request)

    async def _made(
        self, request: ExportRequest, tombstones: Sequence[str], progress: Progress
    ) -> tuple[dict[str, Any], set[str]]:
        """The manifest, and the users whose turns the set holds."""
        limits = limits_of(request.format, request.base_model)
        if not await self.archive.consents(request.tenant):
            raise ExportRefused(
                "the tenant has not agreed to training: set `consent_to_training` in its settings"
            )
        made = MadeSet()
        preparing = Preparing(self.screening)
        with ExitStack() as stack:
            bench, folder = stack.enter_context(opened_workbench(request.seed))
            count = 0
            async for turns in self._conversations(request, tombstones, made):
                await asyncio.to_thread(_prepare, turns, preparing, bench, made)
                count += len(turns)
                progress("screening", count)
            set_files = await asyncio.to_thread(
                written, request, limits, bench, folder, made.stages, made.prompts, progress
            )
            check_size(set_files, limits, request, list(made.stages.values()))
            manifest = manifest_of(
                request,
                list(made.stages.values()),
                set_files,
                preparing.counts,
                made.prompts,
                made.read.hexdigest(),
                names=self.screening.names is not None,
            )
            # First, so that an erasure finds the files.
            await self.archive.note_users(request, sorted(made.users))
            for one in set_files:
                await self.archive.put_set_file(request, one.name, folder / one.name)
            await self.archive.put_set_text(request, "manifest.json", canonical(manifest))
            await self.archive.put_set_text(request, "README.md", card_of(manifest))
        return manifest, made.users

    async def _conversations(
        self, request: ExportRequest, tombstones: Sequence[str], made: MadeSet
    ) -> AsyncIterator[list[tuple[ArchivedTurn, Judged]]]:
        """Turns that may be used, a conversation at a time; those of one lie side by side."""
        held: list[tuple[ArchivedTurn, Judged]] = []
        # One list for all: a call for each turn would cost as much as reading it.
        rated = await self.archive.rated(request.tenant)

        async def said_of(turn: ArchivedTurn) -> list[ArchivedFeedback]:
            given = await self.archive.feedback(turn) if turn.key in rated else []
            return [one for one in given if stands(one, tombstones)]

        async for batch in self._read(request.tenant):
            usable = [turn for turn in batch if _may_be_used(turn, request, tombstones, made)]
            given = await asyncio.gather(*map(said_of, usable))
            for turn, feedback in zip(usable, given, strict=True):
                verdict = _judged(turn, feedback, made)
                if verdict is None:
                    continue
                if held and held[0][0].conversation_id != turn.conversation_id:
                    yield held
                    held = []
                made.read.update(
                    f"{turn.key}\n{sha256(turn.model_dump_json().encode()).hexdigest()}\n".encode()
                )
                held.append((turn, verdict))
        if held:
            yield held

    async def _read(self, tenant: str) -> AsyncIterator[list[ArchivedTurn]]:
        """In the order of the keys: user, conversation, turn."""
        keys: list[str] = []
        async for key in self.archive.turn_keys(tenant):
            keys.append(key)
            if len(keys) == _READ_AT_ONCE:
                yield await self._turns(keys)
                keys = []
        if keys:
            yield await self._turns(keys)

    async def _turns(self, keys: Sequence[str]) -> list[ArchivedTurn]:
        found = await asyncio.gather(*(self.archive.read(key) for key in keys))
        return [turn for turn in found if turn is not None]


def _act(request: ExportRequest, manifest: Mapping[str, Any]) -> Act:
    rows = sum(one["rows"] for one in manifest["files"])
    ids = {"export": request.id}
    return Act(
        tenant=request.tenant,
        who=None,
        what="exported",
        event_id=request.id,
        ids=ids,
        counts={"rows": rows},
    )


def _may_be_used(
    turn: ArchivedTurn, request: ExportRequest, tombstones: Sequence[str], made: MadeSet
) -> bool:
    """A stage that leaves the turn out counts it."""
    return made.stages["consent"].take(consent_reason(turn, request.filter)) and made.stages[
        "erasure"
    ].take(erasure_reason(turn, tombstones))


def _judged(
    turn: ArchivedTurn, feedback: Sequence[ArchivedFeedback], made: MadeSet
) -> Judged | None:
    """None where quality leaves the turn out."""
    verdict = judged(turn, feedback)
    passed = made.stages["quality"].take(verdict.reason)
    return verdict if passed or verdict.reason == "disliked" else None


def _prepare(
    turns: Sequence[tuple[ArchivedTurn, Judged]],
    preparing: Preparing,
    bench: Workbench,
    made: MadeSet,
) -> None:
    for (turn, verdict), prepared in zip(turns, preparing.conversation(turns), strict=True):
        if prepared.disliked:
            if prepared.example:
                made.users.add(turn.user)
                bench.put_disliked(prepared.example)
            continue
        if made.stages["screening"].take(None if prepared.example else "secret"):
            assert prepared.example is not None
            made.users |= {turn.user, verdict.corrected_by or turn.user}
            bench.put(prepared.example)
