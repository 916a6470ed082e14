"""What is to be forgotten: a user over HTTP, and what services removed of him."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from contracts.envelope import Context
from contracts.gateway.erasures import ErasureDoneV1
from contracts.gateway.http_conversations import ERASURE_ID, ErasureAccepted, ErasureView
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.erasure import ROUNDS, TENANT_ROUNDS
from services.gateway.models.principal import Principal
from services.gateway.services.conversations.erasing import Erasures
from shared.outcomes import Done, Outcome

User = Annotated[
    str,
    Path(
        min_length=1,
        max_length=128,
        description="`me`, or with the scope `admin` any user of the tenant",
        examples=["me"],
    ),
]
Id = Annotated[str, Path(max_length=64, description="the erasure's id", examples=[ERASURE_ID])]


@dataclass(frozen=True)
class ErasuresController:
    erasures: Erasures

    async def erasure_done(self, message: ErasureDoneV1, context: Context) -> Outcome:
        await self.erasures.heard(
            context.tenant,
            message.erasure_id,
            message.service,
            message.round,
            message.removed,
            message.models,
        )
        return Done()


def erasure_routes(needs: Needs, erasures: Erasures) -> APIRouter:
    router = APIRouter(tags=["erasures"])
    user_of = Annotated[Principal, Depends(needs("chat"))]

    @router.delete(
        "/v1/users/{user}",
        operation_id="erase_user",
        summary="Erase what a user said, in every service",
        description="Conversations, facts and archived turns are removed; usage stays without the"
        " name. Documents stay: they are the tenant's.",
        status_code=202,
        response_model=ErasureAccepted,
        responses=documented(422, 503),
    )
    async def erase_user(user: User, who: user_of) -> Response:
        return json_response(ErasureAccepted(erasure_id=await erasures.begin(who, user)), 202)

    @router.get(
        "/v1/erasures/{erasure_id}",
        operation_id="get_erasure",
        summary="Show the receipt of an erasure, or of a tenant's deletion",
        response_model=ErasureView,
        responses=documented(404, 422, 503),
    )
    async def get_erasure(
        erasure_id: Id, who: Annotated[Principal, Depends(needs("chat", "platform"))]
    ) -> Response:
        found = await erasures.show(who, erasure_id)
        view = ErasureView(
            erasure_id=found.erasure_id,
            complete=found.complete,
            asked_until=found.asked_until.isoformat(),
            removed=found.totals,
            models=[*found.models],
            waiting_for=found.waiting_for(TENANT_ROUNDS if found.whole else ROUNDS),
        )
        return json_response(view)

    return router
