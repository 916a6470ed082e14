"""/v1/admin/tenants: operators' settings of tenants."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from contracts.gateway.http_conversations import ErasureAccepted
from contracts.gateway.http_usage import TenantBody, TenantList, TenantView
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.principal import Principal
from services.gateway.models.tenant import TenantSettings, UserLimits
from services.gateway.services.conversations.erasing import Erasures
from services.gateway.services.spending.tenants import Tenants
from services.gateway.services.trainings import Trainings

Name = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="the tenant's name",
        examples=["acme"],
    ),
]


def tenant_routes(
    needs: Needs, tenants: Tenants, erasures: Erasures, trainings: Trainings
) -> APIRouter:
    router = APIRouter(tags=["tenants"], prefix="/v1/admin/tenants")
    operator = Annotated[Principal, Depends(needs("platform"))]

    @router.get(
        "",
        operation_id="list_tenants",
        summary="List the tenants that the ledger knows",
        response_model=TenantList,
        responses=documented(429, 503),
    )
    async def list_tenants(_: operator) -> Response:
        return json_response(TenantList(tenants=await tenants.list()))

    @router.get(
        "/{tenant}",
        operation_id="get_tenant",
        summary="Show a tenant's settings",
        response_model=TenantView,
        responses=documented(404, 422, 429, 503),
    )
    async def get_tenant(tenant: Name, _: operator) -> Response:
        return _shown(tenant, *await tenants.show(tenant))

    @router.post(
        "/{tenant}",
        operation_id="create_tenant",
        summary="Give a new tenant its settings",
        status_code=201,
        response_model=TenantView,
        responses=documented(409, 422, 429, 503),
    )
    async def create_tenant(tenant: Name, body: TenantBody, _: operator) -> Response:
        settings = await trainings.named(tenant, TenantSettings(**body.model_dump()))
        return _shown(tenant, await tenants.create(tenant, settings), settings, 201)

    _route_changes(router, needs, tenants, trainings)
    _route_deletion(router, needs, erasures)
    _route_suspension(router, needs, tenants)
    return router


def _route_changes(router: APIRouter, needs: Needs, tenants: Tenants, trainings: Trainings) -> None:
    operator = Annotated[Principal, Depends(needs("platform"))]

    @router.put(
        "/{tenant}",
        operation_id="change_tenant",
        summary="Replace a tenant's settings",
        description="They hold everywhere within seconds. Whether it is suspended stays as it is.",
        response_model=TenantView,
        responses=documented(404, 422, 429, 503),
    )
    async def change_tenant(tenant: Name, body: TenantBody, _: operator) -> Response:
        settings = await trainings.named(tenant, TenantSettings(**body.model_dump()))
        return _shown(tenant, *await tenants.replace(tenant, settings))


def _route_deletion(router: APIRouter, needs: Needs, erasures: Erasures) -> None:
    operator = Annotated[Principal, Depends(needs("platform"))]

    @router.delete(
        "/{tenant}",
        operation_id="delete_tenant",
        summary="Delete a tenant with all that it has",
        description="It is suspended at once. Documents, conversations, usage and the archive go"
        " from every service; what comes late is passed over. The receipt counts what was removed."
        " Its name is free again after 19 days; a tenant that is created then begins empty.",
        status_code=202,
        response_model=ErasureAccepted,
        responses=documented(404, 409, 422, 429, 503),
    )
    async def delete_tenant(tenant: Name, who: operator) -> Response:
        erasure_id = await erasures.delete_tenant(who, tenant)
        return json_response(ErasureAccepted(erasure_id=erasure_id), 202)


def _route_suspension(router: APIRouter, needs: Needs, tenants: Tenants) -> None:
    operator = Annotated[Principal, Depends(needs("platform"))]

    @router.post(
        "/{tenant}/suspend",
        operation_id="suspend_tenant",
        summary="Refuse a tenant's questions and uploads, and stop work on its documents",
        response_model=TenantView,
        responses=documented(404, 422, 429, 503),
    )
    async def suspend_tenant(tenant: Name, _: operator) -> Response:
        return _shown(tenant, *await tenants.suspend(tenant, True))

    @router.post(
        "/{tenant}/resume",
        operation_id="resume_tenant",
        summary="End a suspension",
        response_model=TenantView,
        responses=documented(404, 422, 429, 503),
    )
    async def resume_tenant(tenant: Name, _: operator) -> Response:
        return _shown(tenant, *await tenants.suspend(tenant, False))


def _shown(tenant: str, revision: int, settings: TenantSettings, status: int = 200) -> Response:
    view = TenantView(
        tenant=tenant,
        revision=revision,
        limits=_numbers(settings.limits),
        user_limits=_numbers(settings.user_limits),
        **settings.model_dump(exclude={"limits", "user_limits"}),
    )
    return json_response(view, status)


def _numbers(limits: UserLimits) -> dict[str, float | None]:
    named = limits.model_dump().items()
    return {name: None if one is None else float(one) for name, one in named}
