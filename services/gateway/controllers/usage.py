"""Usage: count what a model call consumed, show this month's with GET /v1/usage."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from contracts.envelope import Context
from contracts.gateway.http import UsageSum, UsageView
from contracts.platform.usage import ModelUsedV2
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.principal import Principal
from services.gateway.models.usage import Spent
from services.gateway.services.usage import Usage
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class UsageController:
    usage: Usage

    async def model_used(self, message: ModelUsedV2, context: Context) -> Outcome:
        spent = Spent(
            calls=message.calls,
            input_tokens=message.input_tokens,
            output_tokens=message.output_tokens,
            cost_usd=message.cost_usd,
        )
        event_id = context.causation_id or ""
        await self.usage.count(context.tenant, context.principal, event_id, spent)
        return Done()


def usage_routes(needs: Needs, usage: Usage) -> APIRouter:
    router = APIRouter(tags=["usage"])

    @router.get(
        "/v1/usage",
        operation_id="show_usage",
        summary="Show this month's tokens and cost; with the scope admin, by user",
        response_model=UsageView,
        responses=documented(503),
    )
    async def show_usage(who: Annotated[Principal, Depends(needs("chat"))]) -> Response:
        shown = await usage.show(who)
        users = None if shown.users is None else {u: _sum(s) for u, s in shown.users.items()}
        return json_response(UsageView(month=shown.month, own=_sum(shown.own), users=users))

    return router


def _sum(spent: Spent) -> UsageSum:
    return UsageSum(**spent.model_dump(exclude={"cost_usd"}), cost_usd=float(spent.cost_usd))
