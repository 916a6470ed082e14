"""/healthz and /readyz: this process is up; all five services answer."""

from fastapi import APIRouter, Response

from contracts.gateway.http import Readiness
from services.gateway.http.json_response import json_response
from services.gateway.services.readiness import AskReadiness


def health_routes(ask: AskReadiness) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="The process is up")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get(
        "/readyz",
        summary="All five services answer over their queues",
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "Some do not answer"}},
    )
    async def readyz() -> Response:
        readiness = await ask()
        return json_response(readiness, 200 if readiness.ready else 503)

    return router
