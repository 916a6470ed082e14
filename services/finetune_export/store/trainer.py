"""Bedrock's customization calls."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from services.finetune_export.models.training import (
    Job,
    TrainerRefused,
    TrainingState,
    training_prefix,
)
from shared.errors import Unavailable
from shared.outage import code_of, outages_of

_MISSING, _CONFLICT = "ResourceNotFoundException", "ConflictException"
# The account trains as much as it may already.
_QUOTA = "ServiceQuotaExceededException"
_PHASES = {
    "validation": "validationDetails",
    "dataProcessing": "dataProcessingDetails",
    "training": "trainingDetails",
}
# What a message quotes may be words of a record.
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']{12,}'|`[^`]*`|\{.*\}|\[.*\]", re.DOTALL)
_LONGEST = 500


class BedrockTrainer:
    """Implements services.ports.Trainer. `bedrock` is boto's own client of the control plane."""

    def __init__(self, bedrock: Any, bucket: str, role: str | None) -> None:
        self._bedrock, self._bucket, self._role = bedrock, bucket, role

    async def start(
        self, state: TrainingState, trains_as: str, files: Sequence[str], set_prefix: str
    ) -> None:
        uris = [f"s3://{self._bucket}/{set_prefix}{name}" for name in files]
        output = f"{training_prefix(state.request.tenant, state.id)}output/"
        asked: dict[str, Any] = {
            "jobName": state.name,
            "customModelName": state.name,
            "clientRequestToken": state.id,
            "roleArn": self._role,
            "baseModelIdentifier": trains_as,
            "customizationType": "FINE_TUNING",
            "trainingDataConfig": {"s3Uri": uris[0]},
            "outputDataConfig": {"s3Uri": f"s3://{self._bucket}/{output}"},
            "hyperParameters": state.request.parameters,
        }
        if uris[1:]:
            validators = [{"s3Uri": uri} for uri in uris[1:]]
            asked["validationDataConfig"] = {"validators": validators}
        with _asking() as missed:
            missed.add(_CONFLICT)
            await self._bedrock.create_model_customization_job(**asked)

    async def look(self, name: str) -> Job | None:
        found: dict[str, Any] = {}
        with _asking():
            found = await self._bedrock.get_model_customization_job(jobIdentifier=name)
        if not found:
            return None
        details = found.get("statusDetails", {})
        validation = found.get("validationMetrics", [])
        return Job(
            status=found.get("status", "InProgress"),
            phases={
                phase: details.get(name, {}).get("status", "NotStarted")
                for phase, name in _PHASES.items()
            },
            failure=without_quotes(found["failureMessage"]) if "failureMessage" in found else None,
            training_loss=found.get("trainingMetrics", {}).get("trainingLoss"),
            validation_losses=tuple(one["validationLoss"] for one in validation),
            custom_model=found.get("outputModelArn"),
        )

    async def stop(self, name: str) -> None:
        with _asking() as missed:
            missed.add(_CONFLICT)
            await self._bedrock.stop_model_customization_job(jobIdentifier=name)

    async def forget(self, custom_model: str) -> None:
        with _asking():
            await self._bedrock.delete_custom_model(modelIdentifier=custom_model)

    def check_deployable(self, _custom_model: str | None) -> None:
        """All are."""

    async def deploy(self, name: str, custom_model: str, tags: Mapping[str, str]) -> str:
        made: dict[str, Any] = {}
        with _asking() as missed:
            missed.add(_CONFLICT)
            made = await self._bedrock.create_custom_model_deployment(
                modelDeploymentName=name,
                modelArn=custom_model,
                clientRequestToken=name,
                tags=[{"key": key, "value": value} for key, value in tags.items()],
            )
        if not made:
            with _asking():
                made = await self._bedrock.get_custom_model_deployment(
                    customModelDeploymentIdentifier=name
                )
        if not made:
            raise TrainerRefused("The provider no longer knows the custom model.")
        return str(made["customModelDeploymentArn"])

    async def deployed(self, deployment: str) -> tuple[str, str | None] | None:
        found: dict[str, Any] = {}
        with _asking():
            found = await self._bedrock.get_custom_model_deployment(
                customModelDeploymentIdentifier=deployment
            )
        if not found:
            return None
        failure = found.get("failureMessage")
        return found["status"], without_quotes(failure) if failure else None

    async def retire(self, deployment_name: str) -> None:
        with _asking():
            await self._bedrock.delete_custom_model_deployment(
                customModelDeploymentIdentifier=deployment_name
            )


@contextmanager
def _asking() -> Iterator[set[str]]:
    """What is missing is passed over, and so are the codes that the caller adds."""
    passed = {_MISSING}
    try:
        with outages_of("bedrock"):
            yield passed
    except ClientError as error:
        code = code_of(error)
        if code in passed:
            return
        if code == _QUOTA:
            raise Unavailable("bedrock", code) from error
        words = without_quotes(error.response.get("Error", {}).get("Message", ""))
        raise TrainerRefused(f"Bedrock refused ({code}): {words}") from error


def without_quotes(words: str) -> str:
    """A provider's words without what they quote, which may be a record's text."""
    return _QUOTED.sub("…", words)[:_LONGEST]
