"""Exports by message: accepted once, made in the background, shown with their state."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from contracts.envelope import Context, derived_id
from contracts.finetune_export.exports import RunExportV1
from services.finetune_export.models.export import ExportRequest, ExportState, Stage
from services.finetune_export.models.missing import MissingGroup
from services.finetune_export.services.exporting.exporting import Exporting
from services.finetune_export.services.exporting.limits import ExportRefused, limits_of
from services.finetune_export.services.exporting.manifest import without_turns
from services.finetune_export.services.ports import ExportStates
from shared.ports import Clock, Publisher

logger = logging.getLogger(__name__)
QUEUE = "finetune-exports"


@dataclass(frozen=True)
class ExportJobs:
    """`opened` gives the pipeline, or raises MissingGroup; it loads a model, so it comes late."""

    states: ExportStates
    publisher: Publisher
    clock: Clock
    opened: Callable[[], Exporting]

    async def accept(self, request: ExportRequest, context: Context) -> ExportState:
        """Twice is once. Raises ExportRefused, Unavailable."""
        limits_of(request.format, request.base_model)
        new = ExportState(id=request.id, request=request, accepted_at=self.clock.now())
        state = await self.states.begin(new)
        # Also when it was there: whoever began it may have died before it sent this.
        if state.status == "accepted":
            run = RunExportV1(export_id=state.id)
            await self.publisher.send(QUEUE, run, context, id=derived_id(state.id, "run"))
        return state

    async def run(self, tenant: str, export_id: str) -> None:
        """Idempotent: what is done or failed stays; what was left half-made is made again.

        Raises Unavailable.
        """
        state = await self.states.state(tenant, export_id)
        if state is None or state.status in ("done", "failed"):
            return
        state.status = "running"
        await self.states.save(state)
        try:
            exporting = await asyncio.to_thread(self.opened)
            manifest = await exporting.export(state.request)
        except (ExportRefused, MissingGroup) as error:
            state.status, state.reason = "failed", str(error)
            if isinstance(error, ExportRefused):
                state.stages = error.stages
        else:
            state.status = "done"
            state.stages = [Stage.model_validate(stage) for stage in manifest["stages"]]
            state.manifest = without_turns(manifest)
        if await self.states.state(tenant, export_id) is None:
            return  # the tenant was deleted meanwhile
        await self.states.save(state)
        # An erasure may have removed the set before this said that it is done.
        if state.status == "done" and not await self.states.has_files(state):
            await self.states.save(state.withdrawn())
        logger.info("export_ended", extra={"fields": {"export": state.id, "status": state.status}})

    async def show(self, tenant: str, export_id: str) -> ExportState | None:
        """None when the tenant has no such export. Raises Unavailable."""
        return await self.states.state(tenant, export_id)

    async def links(self, state: ExportState) -> dict[str, str]:
        """Where its files can be read for some minutes, by name. Empty unless it is done."""
        return await self.states.links(state)

    async def list(self, tenant: str, limit: int) -> list[ExportState]:
        """Newest first. Raises Unavailable."""
        found = [await self.states.state(tenant, one) for one in await self.states.ids(tenant)]
        states = [state for state in found if state is not None]
        return sorted(states, key=lambda one: (one.accepted_at, one.id), reverse=True)[:limit]
