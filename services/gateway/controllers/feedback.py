"""POST /v1/turns/{turn_id}/feedback: what a user thinks of an answer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from contracts.gateway.http_chat import TURN_ID, FeedbackAccepted, FeedbackBody
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.principal import Principal
from services.gateway.services.conversations.feedback import Feedback, Opinion

Id = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="the turn's id, as the event `meta` gives it",
        examples=[TURN_ID],
    ),
]


def feedback_routes(needs: Needs, feedback: Feedback) -> APIRouter:
    router = APIRouter(tags=["chat"])

    @router.post(
        "/v1/turns/{turn_id}/feedback",
        operation_id="give_feedback",
        summary="Say what you think of an answer",
        description="For your own turns of the last seven days. Feedback on a turn may be given"
        " again; the newest counts. Erasing a user removes it.",
        status_code=202,
        response_model=FeedbackAccepted,
        responses=documented(404, 413, 422, 503),
    )
    async def give_feedback(
        turn_id: Id, body: FeedbackBody, who: Annotated[Principal, Depends(needs("chat"))]
    ) -> Response:
        opinion = Opinion(
            body.rating, tuple(body.reasons), body.comment or None, body.corrected_answer or None
        )
        await feedback.give(who, turn_id, opinion)
        return json_response(FeedbackAccepted(turn_id=turn_id, rating=body.rating), 202)

    return router
