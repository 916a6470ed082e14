"""EventBridge's events about jobs that train models, which have no envelope."""

from typing import Any

from pydantic import AliasChoices, AliasPath, BaseModel, Field, ValidationError

from contracts.envelope import Context, Envelope, wrap
from contracts.finetune_export.trainings import TrainingMovedV1

# An event's envelope needs a tenant; the training's own stands in the line.
NO_TENANT = "events"
SOURCES = ("aws.bedrock", "aws.sagemaker")
_NAMES = AliasChoices(AliasPath("detail", "jobName"), AliasPath("detail", "TrainingJobName"))


class _Event(BaseModel):
    """As "Monitor job state changes using Amazon EventBridge" in Bedrock's user guide shows it, and
    "Events that Amazon SageMaker AI sends to Amazon EventBridge" in SageMaker's."""

    id: str = Field(min_length=1, max_length=128)
    detail_type: str = Field(validation_alias="detail-type")
    source: str
    job_name: str = Field(validation_alias=_NAMES, max_length=256)


def foreign(fields: dict[str, Any], _body: str) -> Envelope | None:
    """None for what is no event about a job."""
    try:
        event = _Event.model_validate(fields)
    except ValidationError:
        return None
    if event.source not in SOURCES:
        return None
    message = TrainingMovedV1(job_name=event.job_name)
    return wrap(message, Context(tenant=NO_TENANT), id=event.id)
