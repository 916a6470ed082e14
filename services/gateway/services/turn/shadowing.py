"""The shadow: a version of the prompt that answers production's turns once more, seen by nobody."""

import logging
from dataclasses import dataclass, field, replace
from decimal import Decimal

from contracts.envelope import Context, derived_id
from services.gateway.models.prompt import PRODUCTION, SHADOW, Arm
from services.gateway.models.refusals import BudgetReached, LedgerMissing, Suspended, TenantDeleted
from services.gateway.models.turn_events import TurnEvent
from services.gateway.services.arms import Arms
from services.gateway.services.background import Background
from services.gateway.services.spending.admission import Admission
from services.gateway.services.turn.answering import Answering, Reply
from services.gateway.services.turn.prompt import build_prompt
from services.gateway.services.turn.recording import Draft
from shared.errors import Unavailable
from shared.metering import Bill, Metering
from shared.observability import metric, span

logger = logging.getLogger(__name__)


@dataclass
class Shadowing:
    """One a process. `at_once` shadows are asked at the same time; a turn above that has none.

    An answer is kept nowhere. What is left of it are its figures and what it cost.
    """

    answering: Answering
    admission: Admission
    metering: Metering
    arms: Arms
    prompt_tokens: int
    at_once: int
    background: Background = field(default_factory=Background)
    _asking: int = 0

    def start(self, draft: Draft) -> None:
        """For a recorded turn, without waiting: only production's that asked a model has one."""
        if draft.arm.label == PRODUCTION and draft.reply is not None and draft.reply.prompt:
            self.background.start(self._follow(draft))

    async def drain(self, within_s: float) -> None:
        """Shadows that have not ended by then are cancelled; what they consumed is metered."""
        await self.background.drain(within_s)

    async def _follow(self, draft: Draft) -> None:
        try:
            arm = await self.arms.prompts.shadow(draft.context.tenant, draft.asked.turn_id)
        except Unavailable:
            _skipped("unavailable")
            return
        if arm is None:
            return
        if self._asking >= self.at_once:
            _skipped("busy")
            return
        self._asking += 1
        try:
            with span("shadow"):
                await self._ask(draft, arm)
        finally:
            self._asking -= 1

    async def _ask(self, draft: Draft, arm: Arm) -> None:
        """Its hold and its calls have an id of their own: the turn's is settled by now."""
        asked, shadow_id = draft.asked, derived_id(draft.asked.turn_id, SHADOW)
        wanted = asked.models[0] if asked.wants_model else arm.version.parameters.model
        context = Context(tenant=draft.context.tenant, correlation_id=asked.turn_id)
        try:
            model = await self.admission.shadow(context.tenant, shadow_id, wanted)
        except (BudgetReached, Suspended, TenantDeleted, LedgerMissing, Unavailable) as error:
            _skipped(_reason(error))
            return
        bill = Bill(self.metering, context, shadow_id, arm.label, cost_usd=_found_usd(draft.bill))
        shadow = replace(draft, context=context, bill=bill, arm=arm, reply=None)
        try:
            outcome = await self._outcome(shadow, model)
        finally:
            self.admission.spending.settle_bill(shadow_id, bill)
        metric("ArmTurns", 1, arm=arm.label, outcome=outcome)
        if figures := shadow.figures(outcome):
            await self.arms.count(context.tenant, arm, figures)

    async def _outcome(self, shadow: Draft, model: str) -> str:
        """No other model is asked: that this one does not answer is what the figures are to say."""
        found, version = shadow.found, shadow.arm.version
        assert found is not None
        prompt = build_prompt(
            shadow.asked.text,
            found.hits,
            found.earlier,
            self.prompt_tokens,
            found.query,
            found.remembered,
            version,
        )
        request = self.answering.request(prompt, version, "shadow")
        reply = shadow.reply = Reply(prompt.sources, _unseen)
        try:
            await self.answering.stream([model], request, prompt, shadow.bill, reply)
        except Unavailable as error:
            logger.warning("shadow_failed", extra={"fields": {"on": error.dependency}})
            return "failed"
        except Exception:
            logger.exception("shadow_failed")
            return "failed"
        return "completed"


def _unseen(_: TurnEvent) -> None:
    """Where a turn's client would get the answer."""


def _found_usd(bill: Bill) -> Decimal:
    """What the turn cost before its answer, in USD.

    It is put on the shadow's bill, so that a turn of the shadow can be compared with one of
    production; it is not metered or settled again.
    """
    answers = (report.cost_usd for call, report in bill.calls if call.purpose == "answer")
    return bill.cost_usd - sum(answers, Decimal(0))


def _reason(error: Exception) -> str:
    match error:
        case BudgetReached():
            return "budget"
        case Suspended() | TenantDeleted():
            return "suspended"
        case _:
            return "unavailable"


def _skipped(reason: str) -> None:
    metric("ShadowsSkipped", 1, reason=reason)
