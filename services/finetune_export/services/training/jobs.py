"""Trainings: asked for, shown, stopped, approved, rolled back, and ended with their data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from contracts.envelope import Context, derived_id, new_id
from contracts.finetune_export.trainings import RunTrainingV1
from services.finetune_export.models.audit import Act
from services.finetune_export.models.tombstones import Tombstone
from services.finetune_export.models.training import (
    WITHDRAWN,
    Estimate,
    Loss,
    TrainerRefused,
    TrainingRequest,
    TrainingState,
)
from services.finetune_export.services.training.advancing import Advancing, in_line
from services.finetune_export.services.training.checking import TRAIN
from services.finetune_export.services.training.losses import TRAINED, VALIDATED, losses_of
from services.finetune_export.services.training.table import TrainingRefused
from shared.errors import Unavailable

QUEUE = "finetune-exports"
NO_ROLE = "this system has no role for trainings: set RAGOPS_TRAINING_ROLE to the role's ARN"


Change = Callable[[TrainingState], TrainingState]


class NotPossible(Exception):
    """The training's state does not allow it; the words say what it is."""


class ProviderAway(Exception):
    """What a tenant has at the provider cannot be ended now; it is to be tried again."""


class TooDear(Exception):
    """The estimate is above the most that the training may cost."""


@dataclass(frozen=True)
class Most:
    """What the gateway holds for the training; None: no limit."""

    usd: Decimal | None = None
    tokens: int | None = None

    def check(self, estimate: Estimate) -> None:
        """Raises TooDear."""
        if self.usd is not None and estimate.cost_usd > self.usd:
            raise TooDear(
                f"the training would cost {estimate.cost_usd:f} dollars and {self.usd:f} are held"
                " for it: ask again"
            )
        if self.tokens is not None and estimate.tokens > self.tokens:
            raise TooDear(
                f"the training would take {estimate.tokens} tokens and {self.tokens} are held for"
                " it: ask again"
            )


NO_LIMIT = Most()


@dataclass(frozen=True)
class TrainingJobs:
    """All raise Unavailable. `enabled`: the provider's jobs have a role."""

    advancing: Advancing
    enabled: bool

    async def estimate(
        self,
        context: Context,
        export_id: str,
        base_model: str,
        given: Mapping[str, str],
        instance_type: str | None = None,
    ) -> TrainingState | None:
        """The training as it would be, or as it is; nothing begins. None: the tenant has no such
        export. Raises TrainingRefused."""
        new = await self._new(context, export_id, base_model, given, instance_type)
        return new and (await self.show(context.tenant, new.id) or new)

    async def request(
        self,
        context: Context,
        export_id: str,
        base_model: str,
        given: Mapping[str, str],
        most: Most = NO_LIMIT,
        instance_type: str | None = None,
    ) -> TrainingState | None:
        """Twice is once. None: the tenant has no such export. Raises TrainingRefused, TooDear."""
        new = await self._new(context, export_id, base_model, given, instance_type)
        if new is None:
            return None
        if await self.show(context.tenant, new.id) is None:
            most.check(new.estimate)
        state = await self.advancing.states.begin(new)
        # Also when it was there: whoever began it may have died before this.
        return await self._hasten(state)

    async def _new(
        self,
        context: Context,
        export_id: str,
        base_model: str,
        given: Mapping[str, str],
        instance_type: str | None,
    ) -> TrainingState | None:
        """What is asked for, when it may be trained. None and errors as `estimate` has them."""
        tenant = context.tenant
        if not self.enabled:
            raise TrainingRefused(NO_ROLE)
        of_set = await self.advancing.checking.format_of(tenant, export_id)
        if of_set is None:
            return None
        row = self.advancing.catalogue.trainable(of_set, base_model, instance_type)
        parameters = row.checked(given)
        made = await self.advancing.checking.made_set(tenant, export_id, row.model)
        if made is None:
            return None
        request = TrainingRequest(
            tenant=tenant,
            export_id=export_id,
            manifest_sha256=made.manifest_sha256,
            base_model=row.model,
            parameters=parameters,
            instance_type=instance_type,
        )
        tokens = made.file(TRAIN)["tokens_estimated"]
        return TrainingState(
            id=request.id,
            asked_by=context.principal,
            request=request,
            estimate=row.estimate(tokens, parameters, self.advancing.deadline),
            accepted_at=self.advancing.clock.now(),
            provider=row.provider,
            technique=row.technique,
        )

    async def show(self, tenant: str, training_id: str) -> TrainingState | None:
        """None when the tenant has no such training."""
        return await self.advancing.states.training(tenant, training_id)

    async def losses(self, state: TrainingState) -> list[Loss]:
        """At most 200; none as long as the provider has written none."""
        if not state.began_training:
            return []
        trained, validated = [
            await self.advancing.states.table(state, name) for name in (TRAINED, VALIDATED)
        ]
        return losses_of(trained, validated)

    async def place(self, training_id: str) -> int | None:
        """How many trainings are before it in the line."""
        return (await self.advancing.states.line()).place(training_id)

    async def newest(self, tenant: str, limit: int) -> list[TrainingState]:
        """Newest first."""
        states = await self.advancing.states.of_tenant(tenant)
        return sorted(states, key=lambda one: (one.accepted_at, one.id), reverse=True)[:limit]

    async def stop(self, tenant: str, training_id: str) -> TrainingState | None:
        """None when there is no such training. Raises NotPossible once it has ended."""

        def stopped(one: TrainingState) -> TrainingState:
            if one.status == "waiting":
                ended = {"status": "stopped", "ended_at": self.advancing.clock.now()}
                return one.model_copy(update=ended)
            if one.status in ("starting", "running"):
                return one.model_copy(update={"status": "stopping"})
            return one

        state = await self._changed(tenant, training_id, stopped)
        if state is not None and state.status not in ("stopping", "stopped"):
            raise NotPossible(f"the training is {state.status}: there is nothing to stop")
        return state

    async def approve(
        self, context: Context, training_id: str, figures: Mapping[str, float]
    ) -> TrainingState | None:
        """The same as `stop`; one that was rolled back may be approved again. Raises NotPossible
        also for a model that its provider does not deploy."""
        now = self.advancing.clock.now()
        await self._check_deployable(context.tenant, training_id)

        def approved(one: TrainingState) -> TrainingState:
            if one.status not in ("trained", "retired"):
                return one
            told = {
                "status": "deploying",
                "reason": None,
                "figures": dict(figures),
                "approved_by": context.principal,
                "approved_at": now,
                "deployments": one.deployments + 1,
            }
            return one.model_copy(update=told)

        state = await self._changed(context.tenant, training_id, approved)
        if state is not None and state.status not in ("deploying", "deployed"):
            raise NotPossible(f"the training is {state.status}: only a trained model is approved")
        if state is not None and state.approved_at == now:
            await self._note(context, state, "training_approved")
        return state

    async def _check_deployable(self, tenant: str, training_id: str) -> None:
        state = await self.show(tenant, training_id)
        if state is not None and state.status == "trained":
            try:
                self.advancing.trainer_of(state).check_deployable(state.custom_model)
            except TrainerRefused as error:
                raise NotPossible(str(error)) from error

    async def roll_back(self, context: Context, training_id: str) -> TrainingState | None:
        """The same as `stop`."""

        def back(one: TrainingState) -> TrainingState:
            deployed = one.status in ("deploying", "deployed")
            return one.model_copy(update={"status": "retiring"}) if deployed else one

        state = await self._changed(context.tenant, training_id, back)
        if state is not None and state.status not in ("retiring", "retired"):
            raise NotPossible(f"the training is {state.status}: its model is not deployed")
        if state is not None and state.status == "retiring":
            await self._note(context, state, "training_rolled_back")
        return state

    async def tuned_model(self, tenant: str, deployment: str) -> str | None:
        """What a tenant's list of models names it; None: the tenant has no such deployment."""
        for state in await self.advancing.states.of_tenant(tenant):
            if state.deployment == deployment and state.status == "deployed":
                return name_of(state)
        return None

    async def run(self, tenant: str, training_id: str) -> None:
        await self.advancing.hasten(tenant, training_id)

    # -- erasures

    async def withdraw(self, tombstone: Tombstone) -> list[str]:
        """Ends trainings whose set holds what is erased; names the models that were trained on it,
        which nobody can take it out of again. Who was erased has asked and approved nothing."""
        models = []
        for state in await self.advancing.states.of_tenant(tombstone.tenant):
            held = await self.advancing.states.holds(state, tombstone)

            def withdrawn(one: TrainingState, held: bool = held) -> TrainingState:
                if tombstone.user in (None, one.approved_by):
                    one = one.model_copy(update={"approved_by": None})
                if tombstone.user in (None, one.asked_by):
                    one = one.model_copy(update={"asked_by": None})
                if not held or one.status not in ("waiting", "starting", "running", "stopping"):
                    return one
                if one.status != "waiting":
                    return one.model_copy(update={"status": "stopping", "reason": WITHDRAWN})
                ended = {"status": "failed", "ended_at": self.advancing.clock.now()}
                return one.model_copy(update={**ended, "reason": WITHDRAWN})

            after = await self._changed(tombstone.tenant, state.id, withdrawn)
            if held and after is not None and after.custom_model is not None:
                models.append(after.custom_model)
        return models

    async def end_tenant(self, tenant: str) -> list[str]:
        """Stops its jobs and deletes its models at the provider, before their states go.

        The keys of the states whose jobs still stop, and may write until they have ended: they must
        stay, so that this can be done again. Raises ProviderAway: the archive goes on with other
        work meanwhile.
        """
        stopping = []
        for state in await self.advancing.states.of_tenant(tenant):
            try:
                ended = await self._end_at_provider(state)
            except Unavailable as error:
                raise ProviderAway from error
            await self.advancing.states.leave(state.id)
            if not ended:
                await self.advancing.states.change(state, self._given_up)
                stopping.append(state.key)
        return stopping

    async def _end_at_provider(self, state: TrainingState) -> bool:
        """Whether its job has ended."""
        if state.status == "waiting":
            return True
        trainer = self.advancing.trainer_of(state)
        await trainer.stop(state.name)
        if state.deployments:
            await trainer.retire(state.deployment_name)
        job = await trainer.look(state.name)
        if job is not None and job.custom_model is not None:
            await trainer.forget(job.custom_model)
        return job is None or job.has_ended

    def _given_up(self, one: TrainingState) -> TrainingState:
        """Nobody takes a step with it any more."""
        ended = {"status": "failed", "reason": WITHDRAWN, "ended_at": self.advancing.clock.now()}
        return one.model_copy(update=ended) if one.is_open else one

    async def _changed(self, tenant: str, training_id: str, change: Change) -> TrainingState | None:
        state = await self.show(tenant, training_id)
        if state is None:
            return None
        after = await self.advancing.states.change(state, change)
        return None if after is None else await self._hasten(after)

    async def _hasten(self, state: TrainingState) -> TrainingState:
        """An open one gets its place in the line, and is looked at now."""
        tenant = state.request.tenant
        if not state.is_open:
            await self.advancing.leave(tenant, state.id)
            return state
        await self.advancing.states.join(in_line(state))
        run = RunTrainingV1(training_id=state.id)
        await self.advancing.publisher.send(QUEUE, run, Context(tenant=tenant), id=new_id())
        return state

    async def _note(self, context: Context, state: TrainingState, what: str) -> None:
        act = Act(
            tenant=context.tenant,
            who=context.principal,
            what=what,
            event_id=derived_id(state.id, what, state.deployments),
            ids={"training": state.id, "export": state.request.export_id},
        )
        await self.advancing.audit.note(act)


def name_of(state: TrainingState) -> str:
    """The base model and the deployment: it costs what the base costs."""
    return f"{state.request.base_model}@{state.deployment}"
