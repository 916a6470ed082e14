"""Holds what a request may cost before its first model call, and settles what it did cost."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.gateway.models.refusals import BudgetReached, LedgerMissing, TenantDeleted
from services.gateway.models.tenant import TenantSettings
from services.gateway.models.usage import (
    NOBODY,
    Amount,
    Counted,
    Hold,
    Line,
    Spent,
    Totals,
    day_of,
)
from services.gateway.services.ports import Ledger
from services.gateway.services.spending.alerting import Alerting
from services.gateway.services.spending.tenants import Tenants
from shared.errors import Unavailable
from shared.metering import Bill
from shared.observability import metric
from shared.ports import Clock, ModelReport

logger = logging.getLogger(__name__)
# Seconds between two attempts to settle while Redis is away; the last one repeats.
_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)


@dataclass
class Spending:
    """One a process. Its holds are those of requests under way here."""

    ledger: Ledger
    tenants: Tenants
    alerting: Alerting
    clock: Clock
    holds: dict[str, Hold] = field(default_factory=dict)
    _tasks: set["asyncio.Task[Any]"] = field(default_factory=set)

    async def reserve(self, hold: Hold, settings: TenantSettings) -> None:
        """Raises BudgetReached, LedgerMissing or Unavailable; then nothing is held."""
        try:
            reached = await self.ledger.reserve(hold, settings.limits, settings.user_limits)
        except (Unavailable, asyncio.CancelledError):
            # It may have gone through all the same.
            self._later(self._settle(hold, (), Amount()))
            raise
        if reached is not None:
            metric("BudgetRefusals", 1, measure=reached.measure, whose=reached.whose)
            self._later(self._check(hold, settings))
            raise BudgetReached(reached)
        self.holds[hold.id] = hold

    def settle_bill(self, hold_id: str, bill: Bill) -> None:
        """Settles with the calls on the bill; what is only included may still come as events."""
        calls = [
            counted(call.event_id or "", call.context.principal, call.purpose, report)
            for call, report in bill.calls
        ]
        self.settle(hold_id, calls, Amount.of(bill.included_usd, bill.included_tokens))

    def settle(self, hold_id: str, calls: Sequence[Counted], pending: Amount) -> None:
        """Counts the calls and frees the hold, without waiting; once a hold."""
        if hold := self.holds.pop(hold_id, None):
            self._later(self._settle(hold, calls, pending))

    def leave(self, hold_id: str) -> None:
        """The hold ends by itself: nobody knows what other services consumed for it."""
        self.holds.pop(hold_id, None)

    async def count(
        self, tenant: str, call: Counted, turn_id: str | None, *, own: bool, moment: datetime | None
    ) -> None:
        """A ModelUsed event; `moment` is when the broker took it. Raises Unavailable."""
        day = day_of(moment or self.clock.now())
        try:
            totals = await self.ledger.count(tenant, day, [call], turn_id, own=own)
            await self._alert(tenant, totals, call.line.user)
        except LedgerMissing as error:
            # The event waits on its queue until the ledger is rebuilt.
            raise Unavailable("ledger", str(error)) from None

    async def drain(self, within_s: float) -> None:
        """Waits for what is being settled; what is not is counted from its events later."""
        tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)
        for task in list(self._tasks):
            task.cancel()
        if late := [task for task in tasks if not task.done()]:
            logger.error("holds_not_settled", extra={"fields": {"holds": len(late)}})
            await asyncio.gather(*late, return_exceptions=True)

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("settling_failed", exc_info=error)

    async def _settle(self, hold: Hold, calls: Sequence[Counted], pending: Amount) -> None:
        attempt = 0
        while True:
            try:
                totals = await self.ledger.settle(hold, calls, pending)
            except Unavailable:
                await asyncio.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])
                attempt += 1
                continue
            except LedgerMissing:
                # The calls' events wait on their queue; the hold is gone with the ledger.
                return
            except TenantDeleted:
                return
            break
        if calls:
            await self._alert_quietly(hold, totals)

    async def _check(self, hold: Hold, settings: TenantSettings) -> None:
        try:
            totals = await self.ledger.totals(hold.tenant, day_of(self.clock.now()))
            await self.alerting.check(hold.tenant, settings, totals, hold.user)
        except Unavailable:
            logger.warning("alert_put_off")

    async def _alert(self, tenant: str, totals: Totals, user: str) -> None:
        settings = await self.tenants.of(tenant)
        await self.alerting.check(tenant, settings, totals, user)

    async def _alert_quietly(self, hold: Hold, totals: Totals) -> None:
        """The next count of the tenant tells, if this cannot."""
        try:
            await self._alert(hold.tenant, totals, hold.user)
        except (Unavailable, LedgerMissing, TenantDeleted):
            logger.warning("alert_put_off")


def counted(event_id: str, user: str | None, purpose: str, report: ModelReport) -> Counted:
    spent = Spent(
        calls=report.calls,
        input_tokens=report.input_tokens,
        output_tokens=report.output_tokens,
        cache_read_tokens=report.cache_read_tokens,
        cache_write_tokens=report.cache_write_tokens,
        cost_usd=report.cost_usd,
    )
    return Counted(event_id, Line(user or NOBODY, report.model, purpose), spent)
