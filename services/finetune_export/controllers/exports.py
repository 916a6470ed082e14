"""Exports: accept one, make it, show them."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.finetune_export.exports import (
    ExportAnsweredV1,
    ExportRequestedV1,
    ExportShape,
    ExportsListedV1,
    ExportStage,
    GetExportV1,
    ListExportsV1,
    RunExportV1,
)
from contracts.platform.replies import RequestFailedV1
from services.finetune_export.models.export import ExportRequest, ExportState, Filter
from services.finetune_export.services.exporting.jobs import ExportJobs
from services.finetune_export.services.exporting.limits import ExportRefused
from shared.outcomes import Done, Outcome

_NOT_FOUND = Done(RequestFailedV1(code="not_found", message="There is no such export."))


@dataclass(frozen=True)
class ExportsController:
    jobs: ExportJobs

    async def requested(self, message: ExportRequestedV1, context: Context) -> Outcome:
        request = ExportRequest(
            tenant=context.tenant,
            format=message.format,
            base_model=message.base_model,
            seed=message.seed,
            filter=Filter(since=message.since, until=message.until, models=message.models),
        )
        try:
            state = await self.jobs.accept(request, context)
        except ExportRefused as error:
            return Done(RequestFailedV1(code="invalid_request", message=str(error)))
        return Done(ExportAnsweredV1(export=_shape(state)))

    async def run(self, message: RunExportV1, context: Context) -> Outcome:
        await self.jobs.run(context.tenant, message.export_id)
        return Done()

    async def get(self, message: GetExportV1, context: Context) -> Outcome:
        state = await self.jobs.show(context.tenant, message.export_id)
        if state is None:
            return _NOT_FOUND
        told = {"downloads": await self.jobs.links(state)}
        return Done(ExportAnsweredV1(export=_shape(state).model_copy(update=told)))

    async def list(self, message: ListExportsV1, context: Context) -> Outcome:
        states = await self.jobs.list(context.tenant, message.limit)
        shapes = (_shape(state).model_copy(update={"manifest": None}) for state in states)
        return Done(ExportsListedV1(exports=tuple(shapes)))


def _shape(state: ExportState) -> ExportShape:
    request = state.request
    return ExportShape(
        export_id=state.id,
        status=state.status,
        reason=state.reason,
        format=request.format,
        base_model=request.base_model,
        seed=request.seed,
        since=request.filter.since,
        until=request.filter.until,
        models=request.filter.models,
        accepted_at=state.accepted_at,
        stages=tuple(ExportStage(**stage.model_dump()) for stage in state.stages),
        manifest=state.manifest,
    )
