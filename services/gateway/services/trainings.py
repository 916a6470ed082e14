"""Trainings of a tenant, which finetune_export runs; their models in the tenant's settings."""

from dataclasses import dataclass
from datetime import date, timedelta

from contracts.envelope import Context
from contracts.finetune_export.trainings import (
    HOLD_PREFIX,
    ApproveTrainingV1,
    EstimateTrainingV1,
    GetTrainingV1,
    GetTunedModelV1,
    ListTrainingsV1,
    RollBackTrainingV1,
    StopTrainingV1,
    TrainingAnsweredV1,
    TrainingRequestedV1,
    TrainingShape,
    TrainingsListedV1,
    TunedModelAnsweredV1,
)
from contracts.message import Message
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import BudgetReached, InvalidRequest, Suspended
from services.gateway.models.tenant import Limits, TenantSettings
from services.gateway.models.usage import NOBODY, Amount, Hold, day_of
from services.gateway.services.spending.tenants import Tenants
from shared.errors import RequestRefused
from shared.observability import metric
from shared.ports import Requester

QUEUE = "finetune-exports"
_DEPLOYMENT = ":custom-model-deployment/"
# So long after its end a training's cost has surely been counted from its event.
_COUNTED = timedelta(minutes=1)


@dataclass(frozen=True)
class Trainings:
    """All raise DeadlineMissed, Unavailable or RequestRefused, with `not_found`, `not_possible` or
    `invalid_request`."""

    requester: Requester
    tenants: Tenants
    budget_ms: int

    async def request(self, who: Principal, wanted: TrainingRequestedV1) -> TrainingShape:
        """First its estimate is held; the hold lasts until the training has ended (`may_cost`).

        Raises BudgetReached, Suspended, LedgerMissing.
        """
        settings = await self.tenants.of(who.tenant)
        if settings.suspended:
            raise Suspended
        named = wanted.model_dump(include=set(EstimateTrainingV1.model_fields))
        planned = await self._asked(who, EstimateTrainingV1.model_validate(named))
        if planned.ended_at is None:
            await self._hold(who.tenant, planned, settings.limits)
        estimate = planned.estimate
        most = {"most_usd": estimate.cost_usd, "most_tokens": estimate.tokens}
        return await self._asked(who, wanted.model_copy(update=most))

    async def _hold(self, tenant: str, training: TrainingShape, limits: Limits) -> None:
        """Twice is once. Raises BudgetReached."""
        hold = hold_of(tenant, training, day_of(self.tenants.clock.now()))
        reached = await self.tenants.ledger.reserve(hold, limits)
        if reached is not None:
            metric("BudgetRefusals", 1, measure=reached.measure, whose=reached.whose)
            raise BudgetReached(reached)

    async def may_cost(self, hold: Hold) -> bool:
        """Whether the training that it is for waits or runs, or has cost what is not counted yet.

        One that finetune_export does not know was refused after it was held.
        """
        asked = GetTrainingV1(training_id=hold.id.removeprefix(HOLD_PREFIX))
        try:
            answer = await self.requester.ask(
                QUEUE, asked, TrainingAnsweredV1, Context(tenant=hold.tenant), self.budget_ms
            )
        except RequestRefused as error:
            if error.code != "not_found":
                raise
            return False
        ended_at = answer.training.ended_at
        return ended_at is None or self.tenants.clock.now() < ended_at + _COUNTED

    async def show(self, who: Principal, training_id: str) -> TrainingShape:
        return await self._asked(who, GetTrainingV1(training_id=training_id))

    async def list(self, who: Principal) -> tuple[TrainingShape, ...]:
        """Newest first."""
        answer = await self.requester.ask(
            QUEUE, ListTrainingsV1(), TrainingsListedV1, _context(who), self.budget_ms
        )
        return answer.trainings

    async def stop(self, who: Principal, training_id: str) -> TrainingShape:
        return await self._asked(who, StopTrainingV1(training_id=training_id))

    async def approve(
        self, who: Principal, training_id: str, figures: dict[str, float]
    ) -> TrainingShape:
        approval = ApproveTrainingV1(training_id=training_id, figures=figures)
        return await self._asked(who, approval)

    async def roll_back(self, who: Principal, training_id: str) -> TrainingShape:
        """First nobody is answered by the model any more, then it goes."""
        shown = await self.show(who, training_id)
        if shown.model is not None:
            await self._take_out(who.tenant, shown.model)
        return await self._asked(who, RollBackTrainingV1(training_id=training_id))

    async def named(self, tenant: str, settings: TenantSettings) -> TenantSettings:
        """The settings with each deployment under the name that says its base model too, so that
        its price is known. Raises InvalidRequest for a deployment that is not this tenant's."""
        models = tuple([await self._name(tenant, "models", one) for one in settings.models])
        cheaper = settings.cheaper_model
        if cheaper is not None:
            cheaper = await self._name(tenant, "cheaper_model", cheaper)
        judge = settings.judge_model
        if judge is not None:
            judge = await self._name(tenant, "judge_model", judge)
        return settings.model_copy(
            update={"models": models, "cheaper_model": cheaper, "judge_model": judge}
        )

    async def _name(self, tenant: str, where: str, model: str) -> str:
        if _DEPLOYMENT not in model:
            return model
        asked = GetTunedModelV1(deployment=model.rpartition("@")[2])
        try:
            answer = await self.requester.ask(
                QUEUE, asked, TunedModelAnsweredV1, Context(tenant=tenant), self.budget_ms
            )
        except RequestRefused as error:
            if error.code != "not_found":
                raise
            words = f"'{asked.deployment}' is no deployed model of this tenant."
            raise InvalidRequest(where, f"{words} Approve its training first.") from error
        return answer.model

    async def _take_out(self, tenant: str, model: str) -> None:
        """The other models answer. Without any other, those of the system."""
        _, settings = await self.tenants.ledger.settings(tenant)
        models = tuple(one for one in settings.models if one != model)
        cheaper = None if settings.cheaper_model == model else settings.cheaper_model
        judge = None if settings.judge_model == model else settings.judge_model
        changed = settings.model_copy(
            update={"models": models, "cheaper_model": cheaper, "judge_model": judge}
        )
        if changed != settings:
            await self.tenants.change(tenant, changed)

    async def _asked(self, who: Principal, wanted: Message) -> TrainingShape:
        answer = await self.requester.ask(
            QUEUE, wanted, TrainingAnsweredV1, _context(who), self.budget_ms
        )
        return answer.training


def hold_of(tenant: str, training: TrainingShape, today: date) -> Hold:
    """Its estimate. finetune_export tells what it did cost, so no part of it is the gateway's own,
    and what ends it charges nothing."""
    estimate = training.estimate
    return Hold(
        id=f"{HOLD_PREFIX}{training.training_id}",
        tenant=tenant,
        user=NOBODY,
        day=today,
        model=training.base_model,
        own=Amount(),
        rest=Amount.of(estimate.cost_usd, estimate.tokens),
    )


def _context(who: Principal) -> Context:
    return Context(tenant=who.tenant, principal=who.user)
