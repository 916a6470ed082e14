"""SageMaker's own calls about training jobs: one path, the operation stands in a header."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from compose.local.bedrock.customizing.book import TrainingJob
from compose.local.bedrock.customizing.sagemaker import SageMaker
from compose.local.bedrock.customizing.shapes import check_shape
from compose.local.bedrock.errors import BedrockError, ValidationError


def sagemaker_routes(sagemaker: SageMaker) -> APIRouter:
    router = APIRouter()

    @router.post("/")
    async def call(request: Request) -> JSONResponse:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            return JSONResponse(await _answer(sagemaker, operation, await _json(request)))
        except BedrockError as error:
            # This protocol has the error's name in the body.
            told = {"__type": error.name, "message": str(error)}
            return JSONResponse(told, status_code=error.status)

    return router


async def _answer(sagemaker: SageMaker, operation: str, body: Any) -> dict[str, Any]:
    """Raises BedrockError."""
    if operation not in ("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob"):
        raise ValidationError(f"{operation or 'No operation'} is not served by the stand-in.")
    asked = check_shape(operation, body, "sagemaker")
    if operation == "CreateTrainingJob":
        return {"TrainingJobArn": sagemaker.create(asked).arn}
    if operation == "DescribeTrainingJob":
        return _described(sagemaker.job(asked["TrainingJobName"]))
    await sagemaker.stop(asked["TrainingJobName"])
    return {}


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        raise ValidationError("The body is not JSON.") from None


def _described(job: TrainingJob) -> dict[str, Any]:
    asked = job.asked
    told = {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "ModelArtifacts": {"S3ModelArtifacts": job.artifact},
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.reached[-1][0] if job.reached else "Starting",
        "FailureReason": job.failure,
        "RoleArn": asked["RoleArn"],
        "StoppingCondition": asked.get("StoppingCondition", {}),
        "CreationTime": job.created_at.timestamp(),
        "TrainingEndTime": job.ended_at and job.ended_at.timestamp(),
        "BillableTokenCount": job.billed_tokens,
        "BillableTimeInSeconds": job.billed_seconds,
        "SecondaryStatusTransitions": _transitions(job),
        "FinalMetricDataList": _metrics(job),
    }
    kept = ("HyperParameters", "InputDataConfig", "OutputDataConfig", "ServerlessJobConfig")
    told |= {name: asked.get(name) for name in (*kept, "ResourceConfig")}
    return {name: value for name, value in told.items() if value is not None}


def _transitions(job: TrainingJob) -> list[dict[str, Any]]:
    ends = [at for _, at in job.reached[1:]] + [job.ended_at]
    return [
        {"Status": status, "StartTime": at.timestamp()} | _end(end)
        for (status, at), end in zip(job.reached, ends, strict=True)
    ]


def _end(at: datetime | None) -> dict[str, float]:
    return {} if at is None else {"EndTime": at.timestamp()}


def _metrics(job: TrainingJob) -> list[dict[str, Any]] | None:
    if job.loss is None:
        return None
    losses = [("train_loss", job.loss)]
    if job.uris[1:]:
        losses.append(("eval_loss", round(job.loss + 0.05, 3)))
    at = job.created_at.timestamp()
    return [{"MetricName": name, "Value": loss, "Timestamp": at} for name, loss in losses]
