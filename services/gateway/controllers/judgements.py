"""/v1/judgements: an answer is judged by the tenant's judge."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from contracts.gateway.http_judgements import JudgementBody, JudgementView
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.judgement import Case
from services.gateway.models.principal import Principal
from services.gateway.services.judging import Judging


def judgement_routes(needs: Needs, judging: Judging) -> APIRouter:
    router = APIRouter(tags=["judgements"])
    admin = Annotated[Principal, Depends(needs("admin"))]

    @router.post(
        "/v1/judgements",
        operation_id="judge_answer",
        summary="Judge an answer",
        description="One call of the tenant's judge, the model that its settings name as"
        " `judge_model`; without one it is 409. A judge whose answer breaks the form is asked once"
        " more; then it is 502 `not_judged`. Nothing of it is kept but its usage.",
        response_model=JudgementView,
        responses=documented(402, 409, 413, 422, 429, 502, 503),
    )
    async def judge_answer(body: JudgementBody, who: admin) -> Response:
        judged = await judging.judge(who, Case.model_validate(body.model_dump()))
        return json_response(
            JudgementView(
                **judged.opinion.model_dump(), model=judged.model, cost_usd=float(judged.cost_usd)
            )
        )

    return router
