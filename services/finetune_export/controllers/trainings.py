"""Trainings: ask for one, show, stop, approve and roll back; what moves them on."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.finetune_export.trainings import (
    ApproveTrainingV1,
    EstimateTrainingV1,
    GetTrainingV1,
    GetTunedModelV1,
    ListTrainingsV1,
    RollBackTrainingV1,
    RunTrainingV1,
    StopTrainingV1,
    TrainingAnsweredV1,
    TrainingEstimate,
    TrainingLoss,
    TrainingMovedV1,
    TrainingRequestedV1,
    TrainingShape,
    TrainingsListedV1,
    TunedModelAnsweredV1,
)
from contracts.platform.replies import RequestFailedV1
from services.finetune_export.models.training import Loss, TrainingState
from services.finetune_export.services.training.jobs import (
    Most,
    NotPossible,
    TooDear,
    TrainingJobs,
    name_of,
)
from services.finetune_export.services.training.table import TrainingRefused
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class TrainingsController:
    jobs: TrainingJobs

    async def estimated(self, message: EstimateTrainingV1, context: Context) -> Outcome:
        asked = (message.export_id, message.base_model, message.parameters, message.instance_type)
        try:
            state = await self.jobs.estimate(context, *asked)
        except TrainingRefused as error:
            return Done(RequestFailedV1(code="invalid_request", message=f"{error}."))
        return await self._answer(state, "export")

    async def requested(self, message: TrainingRequestedV1, context: Context) -> Outcome:
        asked = (message.export_id, message.base_model, message.parameters)
        most = Most(message.most_usd, message.most_tokens)
        machine = message.instance_type
        try:
            state = await self.jobs.request(context, *asked, most, machine)
        except TrainingRefused as error:
            return Done(RequestFailedV1(code="invalid_request", message=f"{error}."))
        except TooDear as error:
            return Done(RequestFailedV1(code="budget_reached", message=f"{error}."))
        return await self._answer(state, "export")

    async def run(self, message: RunTrainingV1, context: Context) -> Outcome:
        await self.jobs.run(context.tenant, message.training_id)
        return Done()

    async def moved(self, message: TrainingMovedV1, _: Context) -> Outcome:
        await self.jobs.advancing.heard(message.job_name)
        return Done()

    async def get(self, message: GetTrainingV1, context: Context) -> Outcome:
        state = await self.jobs.show(context.tenant, message.training_id)
        losses = await self.jobs.losses(state) if state else []
        return await self._answer(state, losses=losses)

    async def list(self, message: ListTrainingsV1, context: Context) -> Outcome:
        states = await self.jobs.newest(context.tenant, message.limit)
        return Done(TrainingsListedV1(trainings=tuple(_shape(state) for state in states)))

    async def stop(self, message: StopTrainingV1, context: Context) -> Outcome:
        return await self._changed(self.jobs.stop(context.tenant, message.training_id))

    async def approve(self, message: ApproveTrainingV1, context: Context) -> Outcome:
        return await self._changed(self.jobs.approve(context, message.training_id, message.figures))

    async def roll_back(self, message: RollBackTrainingV1, context: Context) -> Outcome:
        return await self._changed(self.jobs.roll_back(context, message.training_id))

    async def tuned_model(self, message: GetTunedModelV1, context: Context) -> Outcome:
        model = await self.jobs.tuned_model(context.tenant, message.deployment)
        return Done(TunedModelAnsweredV1(model=model)) if model else _missing("deployment")

    async def _changed(self, change: Awaitable[TrainingState | None]) -> Outcome:
        try:
            return await self._answer(await change)
        except NotPossible as error:
            return Done(RequestFailedV1(code="not_possible", message=f"{error}."))

    async def _answer(
        self, state: TrainingState | None, what: str = "training", losses: Sequence[Loss] = ()
    ) -> Outcome:
        if state is None:
            return _missing(what)
        place = await self.jobs.place(state.id) if state.status == "waiting" else None
        told = {"losses": tuple(TrainingLoss(**one.model_dump()) for one in losses)}
        shape = _shape(state, place).model_copy(update=told)
        return Done(TrainingAnsweredV1(training=shape))


def _missing(what: str) -> Done:
    return Done(RequestFailedV1(code="not_found", message=f"There is no such {what}."))


def _shape(state: TrainingState, place: int | None = None) -> TrainingShape:
    request = state.request
    shown = set(TrainingShape.model_fields) & set(TrainingState.model_fields) - {"estimate"}
    estimated = state.estimate.model_dump(include=set(TrainingEstimate.model_fields))
    return TrainingShape(
        **{name: getattr(state, name) for name in shown},
        training_id=state.id,
        export_id=request.export_id,
        base_model=request.base_model,
        parameters=request.parameters,
        instance_type=request.instance_type,
        place=place,
        estimate=TrainingEstimate(**estimated),
        model=name_of(state) if state.status == "deployed" else None,
    )
