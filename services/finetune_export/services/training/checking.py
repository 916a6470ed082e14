"""What must hold before a set is trained with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from services.finetune_export.models.export import ExportState
from services.finetune_export.models.tombstones import Tombstone
from services.finetune_export.models.training import WITHDRAWN, TrainingState
from services.finetune_export.services.exporting.limits import limits_of
from services.finetune_export.services.ports import ExportArchive, ExportStates, TrainingStates
from services.finetune_export.services.training.table import TrainingRefused, check_format

TRAIN, HELD_OUT = "train.jsonl", "held_out.jsonl"


@dataclass(frozen=True)
class MadeSet:
    """An export that is done, and its manifest as it lies in the archive."""

    export: ExportState
    manifest: Mapping[str, Any]
    manifest_sha256: str

    def file(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = next(
            one for one in self.manifest["files"] if one["name"] == name
        )
        return found

    @property
    def format(self) -> str:
        return self.export.request.format

    @property
    def rows(self) -> int:
        return sum(one["rows"] for one in self.manifest["files"])


@dataclass(frozen=True)
class Checking:
    """Every method raises Unavailable, and TrainingRefused where it may not be trained."""

    archive: ExportArchive
    exports: ExportStates
    states: TrainingStates

    async def format_of(self, tenant: str, export_id: str) -> str | None:
        """None: the tenant has no such export."""
        export = await self.exports.state(tenant, export_id)
        return None if export is None else export.request.format

    async def made_set(self, tenant: str, export_id: str, base_model: str) -> MadeSet | None:
        """None: the tenant has no such export."""
        export = await self.exports.state(tenant, export_id)
        if export is None:
            return None
        if export.status != "done":
            why = f" ({export.reason})" if export.reason else ""
            raise TrainingRefused(
                f"the export is {export.status}{why}; train with one that is done"
            )
        written = await self.states.manifest(tenant, export_id)
        if written is None:
            raise TrainingRefused("the export's files are gone; make the set anew")
        made = MadeSet(export, json.loads(written), sha256(written).hexdigest())
        check_format(made.format, export.request.base_model, base_model)
        limits = limits_of(made.format, base_model)
        if not limits.least <= made.rows <= limits.most:
            raise TrainingRefused(
                f"the set has {made.rows} records and {base_model} takes {limits.least} to"
                f" {limits.most}; make another set"
            )
        if not made.file(TRAIN)["rows"]:
            raise TrainingRefused("all of the set is held out; make one with more turns")
        if not await self.archive.consents(tenant):
            raise TrainingRefused(
                "the tenant does not agree to training: set `consent_to_training` in its settings,"
                " then make the set anew"
            )
        return made

    async def may_start(self, state: TrainingState) -> MadeSet:
        """The set. Looks at everything again, and at the bytes of the set."""
        request = state.request
        made = await self.made_set(request.tenant, request.export_id, request.base_model)
        if made is None:
            raise TrainingRefused("the export is gone; make the set anew")
        if made.manifest_sha256 != request.manifest_sha256:
            raise TrainingRefused("the set was made again meanwhile; ask for a new training")
        for one in made.manifest["files"]:
            digest = await self.states.digest(request.tenant, request.export_id, one["name"])
            if one["rows"] and digest != one["sha256"]:
                raise TrainingRefused(
                    f"the bytes of {one['name']} are not those of its manifest; make the set anew"
                )
        # Last, since an erasure leaves its mark first and then looks for trainings.
        if await self._erased(state, made.export):
            raise TrainingRefused(WITHDRAWN)
        return made

    async def _erased(self, state: TrainingState, export: ExportState) -> bool:
        """A tombstone that was there when the set was asked for was heeded when it was made."""
        users = await self.states.users(state)
        for key in await self.archive.tombstones(state.request.tenant):
            if "/" not in key:
                return True
            who = key.split("/")[2]
            until = Tombstone.until_of(key)
            if until >= export.accepted_at and (who == "-" or who in users):
                return True
        return False
