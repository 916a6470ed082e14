"""/v1/trainings: models trained with a tenant's sets, for admins of the tenant."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from contracts.finetune_export.trainings import TrainingRequestedV1, TrainingShape
from contracts.gateway.http_trainings import (
    TRAINING_ID,
    ApprovalBody,
    EstimateView,
    LossesView,
    StepLossView,
    TrainingBody,
    TrainingList,
    TrainingView,
)
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.principal import Principal
from services.gateway.services.trainings import Trainings

Id = Annotated[
    str,
    Path(pattern=r"^[0-9a-f]{1,64}$", description="the training's id", examples=[TRAINING_ID]),
]

_NO_FIGURES = ApprovalBody()


def training_routes(needs: Needs, trainings: Trainings) -> APIRouter:
    router = APIRouter(tags=["trainings"])
    admin = Annotated[Principal, Depends(needs("admin"))]

    @router.post(
        "/v1/trainings",
        operation_id="request_training",
        summary="Train a model with a training set",
        description="At most two trainings run at once; the others wait in order. The same request"
        " is answered with the same training. The estimate is what it will cost, and is held in the"
        " tenant's budget until it has ended.",
        status_code=202,
        response_model=TrainingView,
        responses=documented(402, 404, 413, 422, 503),
    )
    async def request_training(body: TrainingBody, who: admin) -> Response:
        parameters = {name: str(value) for name, value in body.parameters.items()}
        wanted = TrainingRequestedV1(
            export_id=body.export_id,
            base_model=body.base_model,
            parameters=parameters,
            instance_type=body.instance_type,
        )
        return json_response(_view(await trainings.request(who, wanted)), 202)

    _route_views(router, needs, trainings)
    _route_changes(router, needs, trainings)
    return router


def _route_views(router: APIRouter, needs: Needs, trainings: Trainings) -> None:
    admin = Annotated[Principal, Depends(needs("admin"))]

    @router.get(
        "/v1/trainings",
        operation_id="list_trainings",
        summary="List the tenant's trainings, newest first",
        response_model=TrainingList,
        responses=documented(503),
    )
    async def list_trainings(who: admin) -> Response:
        found = [_view(one) for one in await trainings.list(who)]
        return json_response(TrainingList(trainings=found))

    @router.get(
        "/v1/trainings/{training_id}",
        operation_id="get_training",
        summary="Show how far a training is",
        response_model=TrainingView,
        responses=documented(404, 422, 503),
    )
    async def get_training(training_id: Id, who: admin) -> Response:
        return json_response(_view(await trainings.show(who, training_id)))


def _route_changes(router: APIRouter, needs: Needs, trainings: Trainings) -> None:
    admin = Annotated[Principal, Depends(needs("admin"))]

    @router.post(
        "/v1/trainings/{training_id}/stop",
        operation_id="stop_training",
        summary="Stop a training that waits or runs",
        status_code=202,
        response_model=TrainingView,
        responses=documented(404, 409, 422, 503),
    )
    async def stop_training(training_id: Id, who: admin) -> Response:
        return json_response(_view(await trainings.stop(who, training_id)), 202)

    @router.post(
        "/v1/trainings/{training_id}/approve",
        operation_id="approve_training",
        summary="Approve a trained model: it is deployed",
        description="Once it is `deployed`, an operator may name its deployment in the tenant's"
        " `models`. It costs what its base model costs.",
        status_code=202,
        response_model=TrainingView,
        responses=documented(404, 409, 413, 422, 503),
    )
    async def approve_training(
        training_id: Id, who: admin, body: ApprovalBody = _NO_FIGURES
    ) -> Response:
        return json_response(_view(await trainings.approve(who, training_id, body.figures)), 202)

    @router.post(
        "/v1/trainings/{training_id}/rollback",
        operation_id="roll_back_training",
        summary="Take a deployed model out of use, and delete its deployment",
        description="It leaves the tenant's `models` at once. The trained model stays and may be"
        " approved again.",
        status_code=202,
        response_model=TrainingView,
        responses=documented(404, 409, 422, 503),
    )
    async def roll_back_training(training_id: Id, who: admin) -> Response:
        return json_response(_view(await trainings.roll_back(who, training_id)), 202)


def _view(one: TrainingShape) -> TrainingView:
    told = one.model_dump(include=set(TrainingView.model_fields) - {"estimate", "losses"})
    return TrainingView(
        **told,
        estimate=EstimateView(**one.estimate.model_dump(include=set(EstimateView.model_fields))),
        losses=LossesView(
            training=one.training_loss,
            validation=[*one.validation_losses],
            steps=[
                StepLossView(step=at.step, training=at.training, validation=at.validation)
                for at in one.losses
            ],
        ),
    )
