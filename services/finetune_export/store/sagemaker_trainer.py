"""SageMaker's training jobs."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from services.finetune_export.models.training import (
    Job,
    TrainerRefused,
    TrainingState,
    training_prefix,
)
from services.finetune_export.store.objects import Objects
from services.finetune_export.store.trainer import without_quotes
from shared.errors import Unavailable
from shared.outage import code_of, outages_of

_MISSING, _INVALID, _THERE = "ResourceNotFound", "ValidationException", "ResourceInUse"
# The account trains as much as it may already.
_QUOTA = "ResourceLimitExceeded"
# Ours, and which of SageMaker's secondary statuses belong to them.
_PHASES = {
    "starting": {"Pending", "Starting", "LaunchingMLInstances", "PreparingTrainingStack"},
    "downloading": {"Downloading", "DownloadingTrainingImage"},
    "training": {"Training", "Restarting", "Updating"},
    "uploading": {"Uploading"},
}
# An image may emit metrics under these names; others are passed over.
_TRAINING_LOSS = ("train_loss", "training_loss", "train:loss", "loss")
_VALIDATION_LOSS = ("eval_loss", "validation_loss", "eval:loss", "validation:loss")
_VOLUME_GB = 200


class SageMakerTrainer:
    """Implements services.ports.Trainer. `open` makes boto's client when a job is first asked for:
    its description of the service is large, and most systems train in Bedrock alone.

    `longest` is how long SageMaker lets a job run. `accepts_licences`: of models in its hub.
    """

    def __init__(
        self,
        open: Callable[[], Awaitable[Any]],
        objects: Objects,
        bucket: str,
        role: str | None,
        longest: timedelta,
        *,
        accepts_licences: bool = False,
    ) -> None:
        self._open, self._objects, self._bucket, self._role = open, objects, bucket, role
        self._longest, self._accepts_licences = longest, accepts_licences
        self._opened: Any = None

    async def _client(self) -> Any:
        if self._opened is None:
            self._opened = await self._open()
        return self._opened

    async def start(
        self, state: TrainingState, trains_as: str, files: Sequence[str], set_prefix: str
    ) -> None:
        uris = [f"s3://{self._bucket}/{set_prefix}{name}" for name in files]
        channels = zip(("train", "validation"), uris, strict=False)
        asked: dict[str, Any] = {
            "TrainingJobName": state.name,
            "RoleArn": self._role,
            "InputDataConfig": [_channel(name, uri) for name, uri in channels],
            "OutputDataConfig": {"S3OutputPath": f"s3://{self._bucket}/{_output(state)}"},
            "StoppingCondition": {
                "MaxRuntimeInSeconds": max(1, int(self._longest.total_seconds()))
            },
            "HyperParameters": state.request.parameters,
        }
        if state.request.instance_type is None:
            asked["ServerlessJobConfig"] = self._serverless(state, trains_as)
        else:
            asked |= _on_a_machine(state, trains_as, state.request.instance_type)
        client = await self._client()
        with _asking({_THERE}):
            await client.create_training_job(**asked)

    def _serverless(self, state: TrainingState, hub_content: str) -> dict[str, Any]:
        made = {
            "BaseModelArn": hub_content,
            "JobType": "FineTuning",
            "CustomizationTechnique": state.technique,
            "Peft": "LORA",
        }
        return made | ({"AcceptEula": True} if self._accepts_licences else {})

    async def look(self, name: str) -> Job | None:
        found: dict[str, Any] = {}
        client = await self._client()
        with _asking({_MISSING}, unknown=True):
            found = await client.describe_training_job(TrainingJobName=name)
        if not found:
            return None
        failure = found.get("FailureReason")
        return Job(
            status=found["TrainingJobStatus"],
            phases=_phases(found),
            failure=without_quotes(failure) if failure else None,
            training_loss=next(iter(_metrics(found, _TRAINING_LOSS)), None),
            validation_losses=tuple(_metrics(found, _VALIDATION_LOSS)),
            custom_model=_artifact(found),
            billed_tokens=found.get("BillableTokenCount"),
            billed_seconds=found.get("BillableTimeInSeconds"),
        )

    async def stop(self, name: str) -> None:
        """A job that has ended cannot be stopped, and is said to be an invalid request."""
        client = await self._client()
        with _asking({_MISSING, _INVALID}):
            await client.stop_training_job(TrainingJobName=name)

    async def forget(self, custom_model: str) -> None:
        """SageMaker keeps no model: it lies in the archive's bucket."""
        prefix = custom_model.removeprefix(f"s3://{self._bucket}/")
        await self._objects.remove([key async for key in self._objects.keys(prefix)])

    def check_deployable(self, custom_model: str | None) -> None:
        raise _not_deployable(custom_model)

    async def deploy(self, _name: str, custom_model: str, _tags: Mapping[str, str]) -> str:
        raise _not_deployable(custom_model)

    async def deployed(self, _deployment: str) -> tuple[str, str | None] | None:
        return None

    async def retire(self, _deployment_name: str) -> None:
        return None


def _not_deployable(custom_model: str | None) -> TrainerRefused:
    return TrainerRefused(
        "Bedrock does not serve a model that SageMaker trained: its files lie at"
        f" {custom_model}, for you to host"
    )


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _on_a_machine(state: TrainingState, image: str, instance_type: str) -> dict[str, Any]:
    """The image hears from its hyperparameters what it is to train, and how."""
    told = {"base_model": state.request.base_model, "technique": state.technique}
    return {
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "ResourceConfig": {
            "InstanceType": instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": _VOLUME_GB,
        },
        "HyperParameters": {**state.request.parameters, **told},
    }


def _output(state: TrainingState) -> str:
    return f"{training_prefix(state.request.tenant, state.id)}output/"


def _phases(found: Mapping[str, Any]) -> dict[str, str]:
    """Those that the job has been in are over, but for the last one."""
    seen = {one["Status"] for one in found.get("SecondaryStatusTransitions", [])}
    reached = [name for name, statuses in _PHASES.items() if statuses & seen]
    phases = {name: "Completed" if name in reached else "NotStarted" for name in _PHASES}
    if reached:
        phases[reached[-1]] = found["TrainingJobStatus"]
    return phases


def _metrics(found: Mapping[str, Any], names: Sequence[str]) -> Iterator[float]:
    metrics = {one["MetricName"]: one["Value"] for one in found.get("FinalMetricDataList", [])}
    return (float(metrics[name]) for name in names if name in metrics)


def _artifact(found: Mapping[str, Any]) -> str | None:
    """The URI is told before anything lies there. A job that is stopped may put out what it has."""
    if found["TrainingJobStatus"] not in ("Completed", "Stopped"):
        return None
    return found.get("ModelArtifacts", {}).get("S3ModelArtifacts") or None


@contextmanager
def _asking(passed: set[str], *, unknown: bool = False) -> Iterator[None]:
    """Errors with these codes are passed over. `unknown`: so is the one that SageMaker has for a
    name that it does not know, which it calls invalid."""
    try:
        with outages_of("sagemaker"):
            yield
    except ClientError as error:
        code, words = code_of(error), str(error.response.get("Error", {}).get("Message", ""))
        if code in passed or (unknown and code == _INVALID and "not found" in words.lower()):
            return
        if code == _QUOTA:
            raise Unavailable("sagemaker", code) from error
        raise TrainerRefused(f"SageMaker refused ({code}): {without_quotes(words)}") from error
