"""The HTTP shapes of trainings."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field

from contracts.gateway.http import Body, example
from contracts.gateway.http_exports import EXPORT_ID

TRAINING_ID = "5f0c1dd0e3a94b6f8a3c54a8e9f6a1b2"
_AT = "2026-11-27T09:00:00Z"
_PARAMETERS = {"epochCount": "2", "learningRate": "0.00001", "learningRateWarmupSteps": "10"}
_STEP = {"step": 40, "training": 0.83, "validation": None}
_VIEW: dict[str, Any] = {
    "training_id": TRAINING_ID,
    "export_id": EXPORT_ID,
    "base_model": "amazon.nova-micro-v1:0",
    "parameters": _PARAMETERS,
    "status": "running",
    "reason": None,
    "place": None,
    "phases": {
        "validation": "Completed",
        "dataProcessing": "Completed",
        "training": "InProgress",
    },
    "losses": {"training": None, "validation": [], "steps": [_STEP]},
    "estimate": {"tokens": 1_250_000, "epochs": 2, "cost_usd": "1.25"},
    "cost_usd": None,
    "accepted_at": _AT,
    "asked_by": "ann",
    "started_at": _AT,
    "ended_at": None,
    "custom_model": None,
    "provider": "bedrock",
    "instance_type": None,
    "figures": {},
    "approved_by": None,
    "approved_at": None,
    "model": None,
}


class TrainingBody(Body):
    """A training that is wanted."""

    model_config = example(
        export_id=EXPORT_ID, base_model="amazon.nova-micro-v1:0", parameters={"epochCount": 2}
    )

    export_id: str = Field(
        pattern=r"^[0-9a-f]{1,64}$", description="the training set: an export that is done"
    )
    base_model: str = Field(
        min_length=1, max_length=256, description="the provider's id of the model to be trained"
    )
    parameters: dict[str, str | int | float] = Field(
        default_factory=dict,
        max_length=16,
        description="hyperparameters by the provider's names; those left out have its defaults",
    )
    instance_type: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="machine on which SageMaker trains with a set in one of its formats, such as"
        " `ml.g5.2xlarge`; left out: SageMaker chooses (serverless). Not for a set in one of"
        " Bedrock's formats",
    )


class ApprovalBody(Body):
    """What led to the approval."""

    model_config = example(figures={"token_f1": 0.81, "base_token_f1": 0.77})

    figures: dict[str, float] = Field(
        default_factory=dict,
        max_length=64,
        description="figures of an evaluation, kept with the training",
    )


class StepLossView(BaseModel):
    """The losses after a step."""

    step: int = Field(description="from 0")
    training: float | None = Field(default=None, description="of the records trained with")
    validation: float | None = Field(default=None, description="of those that are held out")


class LossesView(BaseModel):
    """How well the model predicts what it was trained with, and what it was not."""

    training: float | None = Field(default=None, description="null until the provider tells it")
    validation: list[float] = Field(description="of the records that are held out")
    steps: list[StepLossView] = Field(
        default_factory=list,
        description="how they fell, at most 200, by step; with a single training, once the"
        " provider has written them",
    )


class EstimateView(BaseModel):
    """What the training will cost at most, by the price list."""

    tokens: int = Field(description="tokens of the set times epochs")
    epochs: int = Field(description="how often the set is gone through")
    cost_usd: Decimal = Field(description="their price")


class TrainingView(BaseModel):
    """A training and how far it is."""

    model_config = example(**_VIEW)

    training_id: str = Field(description="its id; the same request has the same one")
    export_id: str = Field(description="its training set")
    base_model: str = Field(description="the model that is trained")
    parameters: dict[str, str] = Field(description="all hyperparameters")
    status: str = Field(
        description="waiting, starting, running, stopping, stopped, failed, trained, deploying,"
        " deployed, retiring or retired"
    )
    reason: str | None = Field(default=None, description="why it failed, and what to do")
    place: int | None = Field(
        default=None, description="how many trainings are before it while it waits"
    )
    phases: dict[str, str] = Field(description="the provider's phases, each with its state")
    losses: LossesView = Field(description="where the provider tells them")
    estimate: EstimateView = Field(description="tokens and cost, before it begins")
    cost_usd: Decimal | None = Field(
        default=None, description="what was metered when it ended; null: nothing was billed"
    )
    accepted_at: datetime = Field(description="when it was asked for first")
    asked_by: str | None = Field(default=None, description="who did; null once erased")
    started_at: datetime | None = Field(default=None, description="when the provider took it")
    ended_at: datetime | None = Field(default=None, description="when it ended")
    custom_model: str | None = Field(
        default=None,
        description="ARN of the trained model; of one that SageMaker trained, where it lies in S3",
    )
    provider: str = Field(description="who trains: `bedrock` or `sagemaker`; the set's format says")
    instance_type: str | None = Field(
        default=None, description="SageMaker's machine; null: the provider chooses"
    )
    figures: dict[str, float] = Field(description="of the evaluation, handed in at the approval")
    approved_by: str | None = Field(default=None, description="who approved the model")
    approved_at: datetime | None = Field(default=None, description="when")
    model: str | None = Field(
        default=None,
        description="while it is deployed: what a tenant's `models` may name, the base model and"
        " the deployment's ARN; it costs what the base model costs",
    )


class TrainingList(BaseModel):
    """The newest trainings of the tenant."""

    model_config = example(trainings=[_VIEW])

    trainings: list[TrainingView] = Field(description="newest first, 50 at most")
