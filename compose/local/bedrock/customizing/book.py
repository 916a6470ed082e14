"""What was asked for and what became of it, kept in a file between two starts."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

PHASES = ("validation", "dataProcessing", "training")
Status = Literal["InProgress", "Completed", "Failed", "Stopping", "Stopped"]


def now() -> datetime:
    return datetime.now(UTC)


class Job(BaseModel):
    """`asked` is the body of CreateModelCustomizationJob; `base` the model's id without suffix."""

    arn: str
    asked: dict[str, Any]
    base: str
    status: Status = "InProgress"
    phases: dict[str, str] = Field(default_factory=lambda: dict.fromkeys(PHASES, "NotStarted"))
    failure: str | None = None
    training_loss: float | None = None
    validation_losses: list[float] = Field(default_factory=list)
    created_at: datetime = Field(default_factory=now)
    changed_at: datetime = Field(default_factory=now)
    ended_at: datetime | None = None

    @property
    def name(self) -> str:
        return str(self.asked["jobName"])

    @property
    def uris(self) -> list[str]:
        """Of the files that it reads; the first one is trained on."""
        validators = self.asked.get("validationDataConfig", {}).get("validators", [])
        return [self.asked["trainingDataConfig"]["s3Uri"], *(one["s3Uri"] for one in validators)]


class CustomModel(BaseModel):
    """Made by a job; of the same name as the job wanted."""

    arn: str
    name: str
    job_arn: str
    created_at: datetime = Field(default_factory=now)


class Deployment(BaseModel):
    """`asked` is the body of CreateCustomModelDeployment."""

    arn: str
    asked: dict[str, Any]
    model_arn: str
    status: Literal["Creating", "Active", "Failed"] = "Creating"
    failure: str | None = None
    created_at: datetime = Field(default_factory=now)

    @property
    def name(self) -> str:
        return str(self.asked["modelDeploymentName"])


class TrainingJob(BaseModel):
    """SageMaker's. `asked` is the body of CreateTrainingJob; `reached` are its secondary statuses,
    each with the time of its beginning."""

    arn: str
    asked: dict[str, Any]
    status: Status = "InProgress"
    reached: list[tuple[str, datetime]] = Field(default_factory=list)
    failure: str | None = None
    loss: float | None = None
    billed_tokens: int | None = None
    billed_seconds: int | None = None
    created_at: datetime = Field(default_factory=now)
    ended_at: datetime | None = None

    @property
    def name(self) -> str:
        return str(self.asked["TrainingJobName"])

    @property
    def is_serverless(self) -> bool:
        return "ServerlessJobConfig" in self.asked

    @property
    def uris(self) -> list[str]:
        """Of the files that it reads; the first one is trained on."""
        channels = self.asked.get("InputDataConfig", [])
        return [one["DataSource"]["S3DataSource"]["S3Uri"] for one in channels]

    @property
    def artifact(self) -> str:
        """Where its model is put."""
        output = self.asked["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        return f"{output}/{self.name}/output/model.tar.gz"


class _Page(BaseModel):
    jobs: dict[str, Job] = Field(default_factory=dict)
    models: dict[str, CustomModel] = Field(default_factory=dict)
    deployments: dict[str, Deployment] = Field(default_factory=dict)
    training_jobs: dict[str, TrainingJob] = Field(default_factory=dict)


class Book:
    """By ARN; SageMaker's jobs by name. Whoever changes something saves it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        page = _Page.model_validate_json(path.read_bytes()) if path.exists() else _Page()
        self.jobs, self.models, self.deployments = page.jobs, page.models, page.deployments
        self.training_jobs = page.training_jobs

    def save(self) -> None:
        page = _Page(
            jobs=self.jobs,
            models=self.models,
            deployments=self.deployments,
            training_jobs=self.training_jobs,
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(page.model_dump_json())
        beside.replace(self._path)

    def job(self, identifier: str) -> Job | None:
        """By ARN or name."""
        named = (one for one in self.jobs.values() if one.name == identifier)
        return self.jobs.get(identifier) or next(named, None)

    def model(self, identifier: str) -> CustomModel | None:
        """By ARN or name."""
        named = (one for one in self.models.values() if one.name == identifier)
        return self.models.get(identifier) or next(named, None)

    def deployment(self, identifier: str) -> Deployment | None:
        """By ARN or name."""
        named = (one for one in self.deployments.values() if one.name == identifier)
        return self.deployments.get(identifier) or next(named, None)
