"""Bedrock's own calls about customization, in its own shapes."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from starlette.requests import Request

from compose.local.bedrock.customizing.book import Deployment, Job
from compose.local.bedrock.customizing.jobs import Customizing
from compose.local.bedrock.customizing.shapes import check_shape
from compose.local.bedrock.errors import ValidationError

_JOBS, _DEPLOYMENTS = "/model-customization-jobs", "/model-customization/custom-model-deployments"
_MODELS = "/custom-models"


def customizing_routes(customizing: Customizing) -> APIRouter:
    """Identifiers may be ARNs, which hold slashes."""
    router = APIRouter()
    _route_jobs(router, customizing)
    _route_models(router, customizing)
    _route_deployments(router, customizing)
    return router


def _route_jobs(router: APIRouter, customizing: Customizing) -> None:
    @router.post(_JOBS, status_code=201)
    async def create(request: Request) -> dict[str, Any]:
        asked = check_shape("CreateModelCustomizationJob", await _json(request))
        return {"jobArn": (await customizing.create(asked)).arn}

    @router.get(_JOBS)
    async def listed(
        status: Annotated[str | None, Query(alias="statusEquals")] = None,
        name: Annotated[str, Query(alias="nameContains")] = "",
    ) -> dict[str, Any]:
        jobs = sorted(customizing.book.jobs.values(), key=lambda one: one.created_at, reverse=True)
        found = [one for one in jobs if name in one.name and status in (None, one.status)]
        return {"modelCustomizationJobSummaries": [_line(customizing, one) for one in found]}

    @router.post(_JOBS + "/{job:path}/stop")
    async def stop(job: str) -> Response:
        await customizing.stop(job)
        return Response("{}", media_type="application/json")

    @router.get(_JOBS + "/{job:path}")
    async def get(job: str) -> dict[str, Any]:
        return _described(customizing, customizing.job(job))


def _route_models(router: APIRouter, customizing: Customizing) -> None:
    @router.get(_MODELS + "/{model:path}")
    async def get(model: str) -> dict[str, Any]:
        found = customizing.model(model)
        job = customizing.job(found.job_arn)
        return {
            "modelArn": found.arn,
            "modelName": found.name,
            "jobName": job.name,
            "jobArn": job.arn,
            "baseModelArn": _base_arn(job),
            "customizationType": "FINE_TUNING",
            "creationTime": _time(found.created_at),
            "modelStatus": "Active",
            **_losses(job),
        }

    @router.delete(_MODELS + "/{model:path}")
    async def delete(model: str) -> Response:
        customizing.delete_model(model)
        return Response("{}", media_type="application/json")


def _route_deployments(router: APIRouter, customizing: Customizing) -> None:
    @router.post(_DEPLOYMENTS, status_code=202)
    async def create(request: Request) -> dict[str, Any]:
        asked = check_shape("CreateCustomModelDeployment", await _json(request))
        return {"customModelDeploymentArn": customizing.create_deployment(asked).arn}

    @router.get(_DEPLOYMENTS)
    async def listed() -> dict[str, Any]:
        found = customizing.book.deployments.values()
        return {
            "modelDeploymentSummaries": [
                _deployment(one, "customModelDeploymentName") for one in found
            ]
        }

    @router.get(_DEPLOYMENTS + "/{deployment:path}")
    async def get(deployment: str) -> dict[str, Any]:
        return _deployment(customizing.deployment(deployment), "modelDeploymentName")

    @router.patch(_DEPLOYMENTS + "/{deployment:path}", status_code=202)
    async def update(deployment: str, request: Request) -> dict[str, Any]:
        asked = check_shape("UpdateCustomModelDeployment", await _json(request))
        changed = customizing.update_deployment(deployment, asked["modelArn"])
        return {"customModelDeploymentArn": changed.arn}

    @router.delete(_DEPLOYMENTS + "/{deployment:path}")
    async def delete(deployment: str) -> Response:
        customizing.delete_deployment(deployment)
        return Response("{}", media_type="application/json")


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        raise ValidationError("The body is not JSON.") from None


def _described(customizing: Customizing, job: Job) -> dict[str, Any]:
    asked = job.asked
    told = {
        "jobArn": job.arn,
        "jobName": job.name,
        "outputModelName": asked["customModelName"],
        "clientRequestToken": asked.get("clientRequestToken"),
        "roleArn": asked["roleArn"],
        "failureMessage": job.failure,
        "baseModelArn": _base_arn(job),
        "hyperParameters": asked.get("hyperParameters", {}),
        "trainingDataConfig": asked["trainingDataConfig"],
        "validationDataConfig": asked.get("validationDataConfig", {"validators": []}),
        "outputDataConfig": asked["outputDataConfig"],
        "customizationType": "FINE_TUNING",
    }
    model = next((m.arn for m in customizing.book.models.values() if m.job_arn == job.arn), None)
    told |= _progress(job) | {"outputModelArn": model} | _losses(job)
    return {name: value for name, value in told.items() if value is not None}


def _line(customizing: Customizing, job: Job) -> dict[str, Any]:
    """A job in a list."""
    whole = _described(customizing, job)
    kept = {"jobArn", "baseModelArn", "jobName", "customizationType", *_progress(job)}
    return {name: value for name, value in whole.items() if name in kept}


def _progress(job: Job) -> dict[str, Any]:
    return {
        "status": job.status,
        "statusDetails": {
            f"{phase}Details": {"status": status} for phase, status in job.phases.items()
        },
        "creationTime": _time(job.created_at),
        "lastModifiedTime": _time(job.changed_at),
        "endTime": job.ended_at and _time(job.ended_at),
    }


def _losses(job: Job) -> dict[str, Any]:
    if job.training_loss is None:
        return {}
    return {
        "trainingMetrics": {"trainingLoss": job.training_loss},
        "validationMetrics": [{"validationLoss": loss} for loss in job.validation_losses],
    }


def _deployment(one: Deployment, name: str) -> dict[str, Any]:
    return {
        "customModelDeploymentArn": one.arn,
        name: one.name,
        "modelArn": one.model_arn,
        "createdAt": _time(one.created_at),
        "status": one.status,
        **({"failureMessage": one.failure} if one.failure else {}),
    }


def _base_arn(job: Job) -> str:
    region = job.arn.split(":")[3]
    return f"arn:aws:bedrock:{region}::foundation-model/{job.base}"


def _time(moment: datetime) -> str:
    return moment.isoformat()
