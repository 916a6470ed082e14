"""/healthz and /readyz: this process is up; all five services answer."""

from fastapi import APIRouter, Response

from contracts.gateway.http import Liveness
from contracts.gateway.http import Readiness as ReadinessView
from services.gateway.http.problems import json_response
from services.gateway.services.readiness import Readiness


def health_routes(readiness: Readiness) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get(
        "/healthz",
        operation_id="healthz",
        summary="Tell that this process is up",
        response_model=Liveness,
    )
    async def healthz() -> Response:
        return json_response(Liveness(status="ok"))

    @router.get(
        "/readyz",
        operation_id="readyz",
        summary="Tell whether all five services answer over their queues",
        response_model=ReadinessView,
        responses={503: {"model": ReadinessView, "description": "Some do not answer"}},
    )
    async def readyz() -> Response:
        answers = await readiness.ask()
        services = {name: "ok" if answer else "no answer" for name, answer in answers.items()}
        ready = all(answers.values())
        return json_response(ReadinessView(ready=ready, services=services), 200 if ready else 503)

    return router
