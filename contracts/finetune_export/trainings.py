"""What the queues finetune-exports and finetune-trainings carry about trainings."""

from datetime import datetime
from decimal import Decimal

from pydantic import Field

from contracts.message import Message, Shape

# With a training's id behind it: the gateway's hold of what the training may cost, and `turn_id` of
# the ModelUsed that tells what it did cost.
HOLD_PREFIX = "training:"


class EstimateTrainingV1(Message):
    """What a training would cost; nothing begins. Answered by TrainingAnswered with the training as
    it would be, or as it is where it was asked for before. Is refused as TrainingRequested is, but
    never with `budget_reached`."""

    export_id: str = Field(min_length=1, max_length=64)
    base_model: str = Field(min_length=1, max_length=256)
    parameters: dict[str, str] = Field(default_factory=dict)
    instance_type: str | None = Field(default=None, max_length=64)


class TrainingRequestedV1(Message):
    """Train a model with a training set. Answered by TrainingAnswered.

    The same set, model and parameters have the same id: asking twice makes one training. Is refused
    with `not_found` for an unknown export, with `invalid_request` for what cannot be trained, and
    with `budget_reached` where its estimate is above `most_usd` or `most_tokens`; None: no limit.
    """

    export_id: str = Field(min_length=1, max_length=64)
    base_model: str = Field(min_length=1, max_length=256)
    parameters: dict[str, str] = Field(default_factory=dict)
    instance_type: str | None = Field(default=None, max_length=64)
    most_usd: Decimal | None = None
    most_tokens: int | None = None


class GetTrainingV1(Message):
    """Answered by TrainingAnswered, or refused with `not_found`."""

    training_id: str = Field(min_length=1, max_length=64)


class ListTrainingsV1(Message):
    """Newest first. Answered by TrainingsListed."""

    limit: int = Field(default=50, ge=1, le=200)


class StopTrainingV1(Message):
    """Answered by TrainingAnswered; refused with `not_found`, and with `not_possible` once it has
    ended."""

    training_id: str = Field(min_length=1, max_length=64)


class ApproveTrainingV1(Message):
    """The principal approves the trained model: it is deployed. `figures` are those of an
    evaluation that led to it. Answered as StopTraining is."""

    training_id: str = Field(min_length=1, max_length=64)
    figures: dict[str, float] = Field(default_factory=dict)


class RollBackTrainingV1(Message):
    """The model's deployment is deleted. Answered as StopTraining is."""

    training_id: str = Field(min_length=1, max_length=64)


class GetTunedModelV1(Message):
    """By its deployment's ARN. Answered by TunedModelAnswered; refused with `not_found` where the
    tenant has no such deployment that answers."""

    deployment: str = Field(min_length=1, max_length=256)


class RunTrainingV1(Message):
    """finetune_export to itself: there is something to do for this training now."""

    training_id: str


class TrainingMovedV1(Message):
    """EventBridge's word that a job has changed. It hastens a look; it is not believed."""

    job_name: str = Field(min_length=1, max_length=256)


class TrainingEstimate(Shape):
    """Tokens of the set times epochs, and what they cost by the price list."""

    tokens: int = Field(ge=0)
    epochs: int = Field(ge=1)
    cost_usd: Decimal = Field(ge=0)


class TrainingLoss(Shape):
    """After a step; None where the provider tells none."""

    step: int = Field(ge=0)
    training: float | None = None
    validation: float | None = None


class TrainingShape(Shape):
    """`status` is waiting, starting, running, stopping, stopped, failed, trained, deploying,
    deployed, retiring or retired; `reason` says why it failed.

    `place` is how many trainings are before it while it waits. `phases` are the provider's, with
    their states. `model` is what a tenant's list of models may name while it is deployed.
    `losses` come with a single one, at most 200, by step.
    """

    training_id: str
    export_id: str
    base_model: str
    parameters: dict[str, str] = Field(default_factory=dict)
    status: str
    reason: str | None = None
    place: int | None = None
    phases: dict[str, str] = Field(default_factory=dict)
    training_loss: float | None = None
    validation_losses: tuple[float, ...] = ()
    losses: tuple[TrainingLoss, ...] = ()
    estimate: TrainingEstimate
    cost_usd: Decimal | None = None
    accepted_at: datetime
    asked_by: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    custom_model: str | None = None
    figures: dict[str, float] = Field(default_factory=dict)
    approved_by: str | None = None
    approved_at: datetime | None = None
    model: str | None = None
    provider: str = "bedrock"
    instance_type: str | None = None


class TrainingAnsweredV1(Message):
    training: TrainingShape


class TrainingsListedV1(Message):
    trainings: tuple[TrainingShape, ...]


class TunedModelAnsweredV1(Message):
    """`model` is the base model and the deployment, as a tenant's list of models names it."""

    model: str
