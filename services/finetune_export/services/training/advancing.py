"""Takes each open training a step further; what a step did is known to the next one."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from contracts.envelope import Context, derived_id
from contracts.finetune_export.trainings import HOLD_PREFIX
from services.finetune_export.models.audit import Act
from services.finetune_export.models.export import export_prefix
from services.finetune_export.models.training import (
    TRAINS,
    WITHDRAWN,
    Cost,
    InLine,
    Job,
    Status,
    TrainerRefused,
    TrainingState,
)
from services.finetune_export.services.auditing import Auditing
from services.finetune_export.services.ports import Trainer, TrainingStates
from services.finetune_export.services.training.checking import HELD_OUT, TRAIN, Checking
from services.finetune_export.services.training.table import Catalogue, TrainingRefused
from shared.errors import Unavailable
from shared.metering import Call, used
from shared.observability import metric
from shared.ports import Clock, ModelReport, Publisher

logger = logging.getLogger(__name__)


@dataclass
class Advancing:
    """Each step changes a state by compare-and-set and calls the provider so that twice is once.

    So it does not matter who takes it, how often, and where the last one died: an event, a message
    or a round. `at_once` trainings run at a time; one that runs longer than `deadline` is ended.
    `trainers` are by the provider's name, which its outages have too.
    """

    states: TrainingStates
    checking: Checking
    trainers: Mapping[str, Trainer]
    publisher: Publisher
    audit: Auditing
    clock: Clock
    catalogue: Catalogue
    at_once: int
    deadline: timedelta
    _found_again: bool = field(default=False, init=False)

    async def round(self) -> None:
        """All that are open. The first round also finds those whose process died before they were
        in the line."""
        if not self._found_again:
            async for state in self.states.everywhere():
                if state.is_open:
                    await self.states.join(in_line(state))
            self._found_again = True
        for entry in (await self.states.line()).entries:
            try:
                await self.advance(entry.tenant, entry.id)
            except Unavailable as error:
                _put_off(entry.id, error)
            except Exception:
                # It must not hold up the others.
                logger.exception("training_not_advanced", extra={"fields": {"training": entry.id}})

    async def heard(self, job_name: str) -> None:
        """An event about a job, which may be anyone's."""
        for entry in (await self.states.line()).entries:
            if job_name == f"ragops-{entry.id}":
                await self.hasten(entry.tenant, entry.id)

    async def hasten(self, tenant: str, training_id: str) -> None:
        """A step now. While the provider is away it is left to the rounds: no queue waits for it.

        Raises Unavailable for the archive alone.
        """
        try:
            await self.advance(tenant, training_id)
        except Unavailable as error:
            if error.dependency not in self.trainers:
                raise
            _put_off(training_id, error)

    async def advance(self, tenant: str, training_id: str) -> None:
        """Raises Unavailable; then it is to be tried again."""
        state = await self.states.training(tenant, training_id)
        if state is not None and state.status == "waiting":
            state = await self._claimed(state)
        if state is None or not state.is_open:
            await self.leave(tenant, training_id)
            return
        steps = {
            "starting": self._start,
            "running": self._follow,
            "stopping": self._follow,
            "deploying": self._deploy,
            "retiring": self._retire,
        }
        if step := steps.get(state.status):
            await step(state)

    def trainer_of(self, state: TrainingState) -> Trainer:
        return self.trainers[state.provider]

    async def _claimed(self, state: TrainingState) -> TrainingState | None:
        """It begins when fewer than `at_once` are before it in the line."""
        place = (await self.states.line()).place(state.id)
        if place is None or place >= self.at_once:
            return state
        return await self._move(state, {"waiting"}, status="starting")

    async def _start(self, state: TrainingState) -> None:
        request = state.request
        try:
            made = await self.checking.may_start(state)
            row = self.catalogue.trainable(made.format, request.base_model, request.instance_type)
            measured = row.measures and made.file(HELD_OUT)["rows"]
            files = [TRAIN, *([HELD_OUT] if measured else [])]
            prefix = export_prefix(request.tenant, request.export_id)
            await self.trainer_of(state).start(state, row.trains_as, files, prefix)
        except (TrainingRefused, TrainerRefused) as error:
            await self._end(state, "failed", str(error))
            return
        now = self.clock.now()
        began = {"status": "running", "started_at": now, "deadline": now + self.deadline}
        after = await self._move(state, {"starting"}, **began)
        if after is None or after.status != "running":
            # Stopped or deleted while it was being started.
            await self.trainer_of(state).stop(state.name)

    async def _follow(self, state: TrainingState) -> None:
        try:
            job = await self.trainer_of(state).look(state.name)
            if state.status == "stopping" and job is not None and job.status == "InProgress":
                await self.trainer_of(state).stop(state.name)
        except TrainerRefused as error:
            await self._end(state, "failed", str(error))
            return
        if job is None:
            await self._gone(state)
            return
        seen = await self._move(state, TRAINS, **_seen(job))
        if seen is None:
            await self.trainer_of(state).stop(state.name)
        elif job.status == "Completed":
            await self._completed(seen, job)
        elif job.status == "Failed":
            await self._end(
                seen, "failed", seen.reason or job.failure or "the provider says no more"
            )
        elif job.status == "Stopped":
            await self._forget_withdrawn(seen, job)
            asked = state.status == "stopping"
            words = seen.reason or (None if asked else "it was stopped at the provider")
            await self._end(seen, "failed" if words else "stopped", words)
        elif state.deadline is not None and self.clock.now() > state.deadline:
            await self.trainer_of(state).stop(state.name)
            hours = self.deadline.total_seconds() / 3600
            words = f"it ran longer than {hours:g} h and was stopped (RAGOPS_TRAINING_DEADLINE_S)"
            await self._end(seen, "failed", seen.reason or words)

    async def _gone(self, state: TrainingState) -> None:
        """There is no such job."""
        if state.status == "stopping":
            await self._end(state, "failed" if state.reason else "stopped", state.reason)
        else:
            await self._end(state, "failed", "the provider no longer knows the job")

    async def _completed(self, state: TrainingState, job: Job) -> None:
        await self._forget_withdrawn(state, job)
        if state.reason == WITHDRAWN:
            await self._end(state, "failed", WITHDRAWN)
        else:
            await self._end(state, "trained", None)

    async def _forget_withdrawn(self, state: TrainingState, job: Job) -> None:
        """A model that was trained although someone in its set was erased meanwhile goes; so does
        what the job has left in S3."""
        if state.reason != WITHDRAWN:
            return
        if job.custom_model is not None:
            await self.trainer_of(state).forget(job.custom_model)
            await self._move(state, TRAINS, custom_model=None)
        await self.states.discard_output(state)

    async def _end(self, state: TrainingState, status: Status, reason: str | None) -> None:
        """Metered first, under an id of its own: whoever dies in between does it again."""
        cost = state.cost(trained=status == "trained")
        if cost is not None:
            await self._meter(state, cost)
        usd, now = cost and cost.cost_usd, self.clock.now()
        told = {"status": status, "reason": reason, "cost_usd": usd, "ended_at": now}

        def ended(one: TrainingState) -> TrainingState:
            # An erasure came since it was looked at: the model goes at the next step.
            kept = status == "trained" and one.reason == WITHDRAWN
            return one if kept or one.status not in TRAINS else one.model_copy(update=told)

        after = await self.states.change(state, ended)
        if after is not None and after.status == status:
            await self._note(after, f"training_{status}")
            metric("TrainingsEnded", 1, status=status)
        await self.leave(state.request.tenant, state.id)

    async def _meter(self, state: TrainingState, cost: Cost) -> None:
        context = Context(tenant=state.request.tenant)
        report = ModelReport(state.request.base_model, cost.tokens, 0, cost.cost_usd)
        held = f"{HOLD_PREFIX}{state.id}"
        call = Call("training", context, turn_id=held, estimated=cost.estimated)
        message = used("finetune_export", call, [report])
        event_id = derived_id(state.request.tenant, state.id, "used")
        await self.publisher.publish("usage", message, context, id=event_id)

    async def _deploy(self, state: TrainingState) -> None:
        try:
            found = state.deployment or await self._create(state)
            deployed = await self.trainer_of(state).deployed(found)
        except TrainerRefused as error:
            await self._not_deployed(state, str(error))
            return
        if deployed is None:
            await self._not_deployed(state, "the provider no longer knows the deployment")
        elif deployed[0] == "Active":
            await self._move(state, {"deploying"}, status="deployed", reason=None)
            await self.leave(state.request.tenant, state.id)
        elif deployed[0] == "Failed":
            await self.trainer_of(state).retire(state.deployment_name)
            await self._not_deployed(state, f"the deployment failed: {deployed[1] or 'no reason'}")

    async def _create(self, state: TrainingState) -> str:
        """Raises TrainerRefused."""
        model, name = state.custom_model or "", state.deployment_name
        arn = await self.trainer_of(state).deploy(name, model, {"tenant": state.request.tenant})
        if await self._move(state, {"deploying"}, deployment=arn) is None:
            await self.trainer_of(state).retire(name)
        return arn

    async def _not_deployed(self, state: TrainingState, words: str) -> None:
        """It can be approved again."""
        back: dict[str, Any] = {"status": "trained", "deployment": None}
        await self._move(state, {"deploying"}, reason=words, **back)
        await self.leave(state.request.tenant, state.id)

    async def _retire(self, state: TrainingState) -> None:
        try:
            await self.trainer_of(state).retire(state.deployment_name)
        except TrainerRefused as error:
            await self._move(state, {"retiring"}, reason=str(error))
            return
        gone: dict[str, Any] = {"status": "retired", "deployment": None, "reason": None}
        await self._move(state, {"retiring"}, **gone)
        await self.leave(state.request.tenant, state.id)

    async def _move(
        self, state: TrainingState, among: "set[Status] | frozenset[Status]", **update: Any
    ) -> TrainingState | None:
        """The state as it is then: unchanged where its status is none of `among`. None: gone."""

        def moved(one: TrainingState) -> TrainingState:
            return one.model_copy(update=update) if one.status in among else one

        return await self.states.change(state, moved)

    async def leave(self, tenant: str, training_id: str) -> None:
        """Looked at afterwards: it may have become open again meanwhile."""
        await self.states.leave(training_id)
        state = await self.states.training(tenant, training_id)
        if state is not None and state.is_open:
            await self.states.join(in_line(state))

    async def _note(self, state: TrainingState, what: str) -> None:
        act = Act(
            tenant=state.request.tenant,
            who=None,
            what=what,
            event_id=state.id,
            ids={"training": state.id, "export": state.request.export_id},
            counts={"tokens": state.estimate.tokens},
        )
        await self.audit.note(act)


def _put_off(training_id: str, error: Unavailable) -> None:
    fields = {"training": training_id, "reason": str(error)}
    logger.warning("training_put_off", extra={"fields": fields})


def in_line(state: TrainingState) -> InLine:
    return InLine(tenant=state.request.tenant, id=state.id, trains=state.status in TRAINS)


def _seen(job: Job) -> dict[str, Any]:
    return {
        "phases": job.phases,
        "training_loss": job.training_loss,
        "validation_losses": job.validation_losses,
        "custom_model": job.custom_model,
        "billed_tokens": job.billed_tokens,
        "billed_seconds": job.billed_seconds,
    }
