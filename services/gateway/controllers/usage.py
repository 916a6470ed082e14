"""GET /v1/usage: tokens and cost of this month."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from contracts.gateway.http import UsageSum, UsageView
from services.gateway.http.auth import Needs
from services.gateway.http.json_response import json_response
from services.gateway.http.problems import documented
from services.gateway.models.principal import Principal
from services.gateway.models.usage import Spent
from services.gateway.services.usage import ShowUsage


def usage_routes(needs: Needs, show: ShowUsage) -> APIRouter:
    router = APIRouter(tags=["usage"])

    @router.get(
        "/v1/usage",
        summary="This month's tokens and cost; with the scope admin, by user",
        response_model=UsageView,
        responses=documented(503),
    )
    async def usage(who: Annotated[Principal, Depends(needs("chat"))]) -> Response:
        month, own, everybody = await show(who)
        users = None if everybody is None else {u: _sum(s) for u, s in everybody.items()}
        return json_response(UsageView(month=month, own=_sum(own), users=users))

    return router


def _sum(spent: Spent) -> UsageSum:
    return UsageSum(**spent.model_dump(exclude={"cost_usd"}), cost_usd=float(spent.cost_usd))
