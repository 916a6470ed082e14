"""/v1/exports: training sets, for admins of a tenant."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from contracts.finetune_export.exports import ExportRequestedV1, ExportShape
from contracts.gateway.http_exports import (
    EXPORT_ID,
    ExportBody,
    ExportFilterView,
    ExportList,
    ExportView,
)
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.principal import Principal
from services.gateway.services.exports import Exports

Id = Annotated[
    str,
    Path(pattern=r"^[0-9a-f]{1,64}$", description="the export's id", examples=[EXPORT_ID]),
]


def export_routes(needs: Needs, exports: Exports) -> APIRouter:
    router = APIRouter(tags=["exports"])
    admin = Annotated[Principal, Depends(needs("admin"))]

    @router.post(
        "/v1/exports",
        operation_id="request_export",
        summary="Make a training set from the tenant's turns",
        description="Only turns that were made and are exported with the tenant's consent. The"
        " same request is answered with the same export.",
        status_code=202,
        response_model=ExportView,
        responses=documented(413, 422, 503),
    )
    async def request_export(body: ExportBody, who: admin) -> Response:
        wanted = ExportRequestedV1(
            format=body.format,
            base_model=body.base_model,
            seed=body.seed,
            since=body.filter.since,
            until=body.filter.until or exports.until_now(),
            models=body.filter.models,
        )
        return json_response(_view(await exports.request(who, wanted)), 202)

    @router.get(
        "/v1/exports",
        operation_id="list_exports",
        summary="List the tenant's training sets, newest first",
        response_model=ExportList,
        responses=documented(503),
    )
    async def list_exports(who: admin) -> Response:
        return json_response(ExportList(exports=[_view(one) for one in await exports.list(who)]))

    @router.get(
        "/v1/exports/{export_id}",
        operation_id="get_export",
        summary="Show how far a training set is, and what it holds",
        response_model=ExportView,
        responses=documented(404, 422, 503),
    )
    async def get_export(export_id: Id, who: admin) -> Response:
        return json_response(_view(await exports.show(who, export_id)))

    return router


def _view(one: ExportShape) -> ExportView:
    told = one.model_dump()
    wanted = ExportFilterView(**{name: told.pop(name) for name in ("since", "until", "models")})
    return ExportView(**told, filter=wanted)
