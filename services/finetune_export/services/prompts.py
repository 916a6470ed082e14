"""Archives the versions of prompts and where their labels stood, for good."""

from dataclasses import dataclass

from services.finetune_export.models.archived_prompt import ArchivedMove, ArchivedVersion
from services.finetune_export.models.audit import Act
from services.finetune_export.services.auditing import Auditing
from services.finetune_export.services.ports import PromptArchive


@dataclass(frozen=True)
class PromptArchiving:
    """Both are idempotent and raise Unavailable. `who` is the admin's name, for the audit log."""

    archive: PromptArchive
    audit: Auditing

    async def archive_version(self, version: ArchivedVersion, who: str | None) -> None:
        await self.archive.write_version(version)
        ids = {"name": version.name, "version": version.version}
        await self._note(version.tenant, who, "prompt_registered", ids)

    async def archive_move(self, move: ArchivedMove, who: str | None) -> None:
        await self.archive.write_move(move)
        ids = {"name": move.name, "label": move.label, "version": move.version or "-"}
        ids["revision"] = str(move.revision)
        await self._note(move.tenant, who, "prompt_moved", ids)

    async def _note(self, tenant: str, who: str | None, what: str, ids: dict[str, str]) -> None:
        event_id = "/".join((tenant, *ids.values()))
        await self.audit.note(Act(tenant=tenant, who=who, what=what, event_id=event_id, ids=ids))
