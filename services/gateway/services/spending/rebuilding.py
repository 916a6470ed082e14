"""Makes the ledger again from what finetune_export hands out: usage, labels, open trainings."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from contracts.envelope import Context
from contracts.finetune_export.trainings import ListTrainingsV1, TrainingsListedV1
from contracts.finetune_export.usage import (
    ArchivedCall,
    ArchivedTenantsRequestedV1,
    ArchivedTenantsV1,
    ArchivedUsageRequestedV1,
    ArchivedUsageV1,
)
from services.gateway.models.prompt import LABELS
from services.gateway.models.tenant import Limits
from services.gateway.models.usage import NOBODY, SEEN_LIFETIME_S, Counted, Line, Spent, day_of
from services.gateway.services.ports import PromptRegistry, RebuiltLedger
from services.gateway.services.prompts import labelled_of
from services.gateway.services.spending.tenants import settings_of
from services.gateway.services.spending.usage import DAYS_MAX
from services.gateway.services.trainings import hold_of
from shared.ports import Clock, Requester

QUEUE = "finetune-exports"
# The request for the list of all tenants goes out under this name; its envelope needs one.
_ALL = "all-tenants"
# The most trainings that finetune_export lists at once.
_TRAININGS = 200
# A day less than the marks of counted calls live.
_MARKED_DAYS = SEEN_LIFETIME_S // (24 * 3600) - 1
# Calls that are counted in one step, so that a script does not hold Redis for long.
_AT_ONCE = 100


@dataclass(frozen=True)
class Rebuilding:
    """May run while gateways do, and again after it broke off: a call counts once."""

    ledger: RebuiltLedger
    prompts: PromptRegistry
    requester: Requester
    clock: Clock
    budget_ms: int

    async def rebuild(self, progress: Callable[[str, int], None] = lambda _tenant, _n: None) -> int:
        """How many calls were read.

        Tenants open one by one as their sums are whole, and new ones at the end. Raises
        DeadlineMissed, RequestRefused or Unavailable.
        """
        today = day_of(self.clock.now())
        counted = 0
        for tenant in sorted({*await self._tenants(), *await self.ledger.tenants()}):
            # Of an open tenant the days are looked through in which a call is known to be counted:
            # the archive may have been behind when the tenant was rebuilt.
            days = _MARKED_DAYS if await self.ledger.is_ready(tenant) else DAYS_MAX
            counted += await self._tenant(tenant, today - timedelta(days=days), progress)
        await self.ledger.begin(self.clock.now().isoformat())
        return counted

    async def _tenants(self) -> list[str]:
        found: list[str] = []
        after: str | None = None
        while True:
            page = await self.requester.ask(
                QUEUE,
                ArchivedTenantsRequestedV1(after=after),
                ArchivedTenantsV1,
                Context(tenant=_ALL),
                self.budget_ms,
            )
            found += page.tenants
            if page.next is None:
                return found
            after = page.next

    async def _tenant(self, tenant: str, since: date, progress: Callable[[str, int], None]) -> int:
        ready = await self.ledger.is_ready(tenant)
        await self.ledger.rebuilding(tenant)
        count, after = 0, None
        while True:
            page = await self.requester.ask(
                QUEUE,
                ArchivedUsageRequestedV1(since=since, after=after),
                ArchivedUsageV1,
                Context(tenant=tenant),
                self.budget_ms,
            )
            if page.settings is not None and not ready:
                settings = settings_of(page.settings)
                await self.ledger.restore_settings(tenant, page.settings.revision, settings)
            if page.prompts and not ready:
                known = [one for one in page.prompts if one.moved.label in LABELS]
                labels = [labelled_of(one) for one in known]
                revisions = [one.moved.revision for one in known]
                await self.prompts.restore(tenant, labels, revisions)
            await self._count(tenant, page.calls)
            count += len(page.calls)
            progress(tenant, count)
            if page.next is None:
                break
            after = page.next
        await self.ledger.rebuilt(tenant)
        await self._hold_trainings(tenant)
        return count

    async def _hold_trainings(self, tenant: str) -> None:
        """Of those that wait or run. They were asked for before, so limits are not looked at."""
        asked, context = ListTrainingsV1(limit=_TRAININGS), Context(tenant=tenant)
        listed = await self.requester.ask(QUEUE, asked, TrainingsListedV1, context, self.budget_ms)
        today = day_of(self.clock.now())
        for training in listed.trainings:
            if training.ended_at is None:
                await self.ledger.reserve(hold_of(tenant, training, today), Limits())

    async def _count(self, tenant: str, calls: tuple[ArchivedCall, ...]) -> None:
        by_day: dict[date, list[Counted]] = defaultdict(list)
        for call in calls:
            by_day[day_of(call.at)].append(_counted(call))
        for day, counted in by_day.items():
            for start in range(0, len(counted), _AT_ONCE):
                part = counted[start : start + _AT_ONCE]
                await self.ledger.count(tenant, day, part, None, own=False)


def _counted(call: ArchivedCall) -> Counted:
    used = call.used
    spent = Spent(**{name: getattr(used, name) for name in Spent.model_fields})
    return Counted(call.event_id, Line(call.user or NOBODY, used.model, used.purpose), spent)
