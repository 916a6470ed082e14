"""Archives what models consumed, for good, and hands it out page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.finetune_export.models.archived_prompt import ArchivedMove, ArchivedVersion
from services.finetune_export.models.archived_usage import ArchivedCall, ArchivedSettings
from services.finetune_export.models.audit import Act
from services.finetune_export.services.auditing import Auditing
from services.finetune_export.services.ports import PromptArchive, UsageArchive
from shared.grouping import Grouping

TENANTS_A_PAGE = 500


class UsageArchiving:
    """Calls that come within `wait_s` share an object: one a call would cost more than the call.

    An event that comes twice may lie in two objects; whoever reads them goes by its id.
    """

    def __init__(self, archive: UsageArchive, audit: Auditing, wait_s: float) -> None:
        self._archive, self._audit = archive, audit
        self._gathering = Grouping(
            self._write, key=lambda call: (call.tenant, call.day), wait_s=wait_s, at_once=4
        )

    async def archive_call(self, call: ArchivedCall) -> None:
        """Returns when it is written. Raises Unavailable."""
        await self._gathering.add(call)

    async def archive_settings(self, settings: ArchivedSettings) -> None:
        """Raises Unavailable."""
        await self._archive.write_settings(settings)
        revision = str(settings.revision)
        act = Act(
            tenant=settings.tenant,
            who=None,
            what="tenant_changed",
            event_id=f"{settings.tenant}/{revision}",
            ids={"revision": revision},
        )
        await self._audit.note(act)

    async def _write(self, calls: Sequence[ArchivedCall]) -> list[None]:
        await self._archive.write_calls(calls)
        return [None] * len(calls)


@dataclass(frozen=True)
class UsagePage:
    calls: list[ArchivedCall]
    settings: ArchivedSettings | None
    next: str | None
    prompts: Sequence[tuple[ArchivedMove, ArchivedVersion]] = ()


@dataclass(frozen=True)
class UsageReading:
    """Both raise Unavailable. `after` is the `next` of the page before."""

    archive: UsageArchive
    prompts: PromptArchive

    async def tenants(self, after: str | None) -> tuple[list[str], str | None]:
        found = await self.archive.tenants(after, TENANTS_A_PAGE)
        return found, found[-1] if len(found) == TENANTS_A_PAGE else None

    async def page(self, tenant: str, since: date, after: str | None, limit: int) -> UsagePage:
        calls, last = await self.archive.calls(tenant, since, after, limit)
        if after is not None:
            return UsagePage(calls, None, last)
        settings = await self.archive.newest_settings(tenant)
        return UsagePage(calls, settings, last, await self.prompts.newest(tenant))
