"""A training: what was asked for, how far it is, and its place in the line."""

from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.finetune_export.models.example import canonical

TRAININGS_PREFIX = "trainings/"
# No tenant has this name.
LINE_KEY = f"{TRAININGS_PREFIX}-/line.json"
WITHDRAWN = "withdrawn: someone whose turns the set holds was erased; make the set anew"
Status = Literal[
    "waiting",
    "starting",
    "running",
    "stopping",
    "stopped",
    "failed",
    "trained",
    "deploying",
    "deployed",
    "retiring",
    "retired",
]
TRAINS: frozenset[Status] = frozenset({"waiting", "starting", "running", "stopping"})
OPEN: frozenset[Status] = TRAINS | {"deploying", "retiring"}


class TrainerRefused(Exception):
    """The provider does not do it, and would not at a second attempt; the words say why."""


class TrainingRequest(BaseModel):
    """The same set, model and parameters have the same id, so asking twice makes one training."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    export_id: str
    manifest_sha256: str
    base_model: str
    parameters: dict[str, str]
    # Of the machine that trains; None: the provider chooses.
    instance_type: str | None = None

    @property
    def id(self) -> str:
        told = self.model_dump(mode="json", exclude={"export_id"}, exclude_none=True)
        return sha256(canonical(told).encode()).hexdigest()[:32]


class Estimate(BaseModel):
    """Tokens of the set times epochs, and the most that the training costs by the price list.

    It was made with one of the two prices: of tokens, or of the machine.
    """

    model_config = ConfigDict(frozen=True)

    tokens: int
    epochs: int
    cost_usd: Decimal
    usd_per_million: Decimal | None = None
    usd_per_hour: Decimal | None = None


class Cost(BaseModel):
    """What a training is metered with. `estimated`: the provider told no tokens."""

    model_config = ConfigDict(frozen=True)

    tokens: int
    cost_usd: Decimal
    estimated: bool


class TrainingState(BaseModel):
    """What a training's object in the archive holds.

    `deployments` counts how often it was approved: each time has a deployment of its own name.
    `technique` is the provider's word for how it trains. `billed_tokens` and `billed_seconds` are
    what it says it bills; None: it has not said.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    request: TrainingRequest
    estimate: Estimate
    accepted_at: datetime
    asked_by: str | None = None
    status: Status = "waiting"
    reason: str | None = None
    phases: dict[str, str] = Field(default_factory=dict)
    training_loss: float | None = None
    validation_losses: tuple[float, ...] = ()
    cost_usd: Decimal | None = None
    started_at: datetime | None = None
    deadline: datetime | None = None
    ended_at: datetime | None = None
    custom_model: str | None = None
    figures: dict[str, float] = Field(default_factory=dict)
    approved_by: str | None = None
    approved_at: datetime | None = None
    deployments: int = 0
    deployment: str | None = None
    provider: str = "bedrock"
    technique: str | None = None
    billed_tokens: int | None = None
    billed_seconds: int | None = None

    @property
    def key(self) -> str:
        return f"{training_prefix(self.request.tenant, self.id)}state.json"

    @property
    def name(self) -> str:
        """The job's at the provider, and the custom model's."""
        return f"ragops-{self.id}"

    @property
    def deployment_name(self) -> str:
        return f"{self.name}-{self.deployments}"

    @property
    def is_open(self) -> bool:
        """Whether something is to be done for it."""
        return self.status in OPEN

    @property
    def began_training(self) -> bool:
        """Whether the provider has come to the phase that is billed."""
        return self.phases.get("training", "NotStarted") != "NotStarted"

    def cost(self, *, trained: bool) -> Cost | None:
        """By what the provider bills, or else by the estimate. None: nothing is billed."""
        estimate = self.estimate
        if self.billed_tokens is not None and estimate.usd_per_million is not None:
            usd = estimate.usd_per_million * self.billed_tokens / 1_000_000
            return Cost(tokens=self.billed_tokens, cost_usd=usd, estimated=False)
        if self.billed_seconds is not None and estimate.usd_per_hour is not None:
            usd = round(estimate.usd_per_hour * self.billed_seconds / 3600, 6)
            return Cost(tokens=estimate.tokens, cost_usd=usd, estimated=True)
        if not trained and not self.began_training:
            return None
        return Cost(tokens=estimate.tokens, cost_usd=estimate.cost_usd, estimated=True)


class Job(BaseModel):
    """A job as the provider describes it; `status` is its own word, and the states of phases are.

    `custom_model` is the trained model's ARN, or the S3 URI where it lies.
    """

    model_config = ConfigDict(frozen=True)

    status: str
    phases: dict[str, str]
    failure: str | None = None
    training_loss: float | None = None
    validation_losses: tuple[float, ...] = ()
    custom_model: str | None = None
    billed_tokens: int | None = None
    billed_seconds: int | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ("Completed", "Failed", "Stopped")


class Loss(BaseModel):
    """After a step: of the records that are trained with, and of those that are held out."""

    model_config = ConfigDict(frozen=True)

    step: int
    training: float | None = None
    validation: float | None = None


class InLine(BaseModel):
    """An open training. Those that train, or wait for it, take turns in the order of the line."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    id: str
    trains: bool = True


class Line(BaseModel):
    """All open trainings of all tenants: the provider's limit is the account's."""

    model_config = ConfigDict(frozen=True)

    entries: tuple[InLine, ...] = ()

    def joined(self, entry: InLine) -> "Line":
        """Once; whoever is there keeps the place."""
        there = any(one.id == entry.id and one.trains == entry.trains for one in self.entries)
        return self if there else Line(entries=(*self.entries, entry))

    def left(self, training_id: str) -> "Line":
        return Line(entries=tuple(one for one in self.entries if one.id != training_id))

    def place(self, training_id: str) -> int | None:
        """How many are before it; None for one that is not in it."""
        training = [one.id for one in self.entries if one.trains]
        return training.index(training_id) if training_id in training else None


def training_prefix(tenant: str, training_id: str) -> str:
    return f"{TRAININGS_PREFIX}{tenant}/{training_id}/"
