"""/v1/reviews: answers that were not liked, for admins of the tenant."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from contracts.gateway.http_reviews import (
    CorrectionBody,
    CorrectionView,
    ReviewList,
    ReviewSourceView,
    ReviewView,
)
from services.gateway.controllers.feedback import Id
from services.gateway.http.auth import Needs
from services.gateway.http.problems import documented, json_response
from services.gateway.models.principal import Principal
from services.gateway.services.reviews import Reviews, Seen

State = Annotated[
    Literal["open", "corrected"] | None, Query(description="only these; left out: all")
]
Limit = Annotated[int, Query(ge=1, le=50, description="reviews a page")]
After = Annotated[
    str | None,
    Query(pattern=r"^[0-9A-Za-z.-]{1,256}$", description="`next` of the page before"),
]


def review_routes(needs: Needs, reviews: Reviews) -> APIRouter:
    router = APIRouter(tags=["reviews"])
    admin = Annotated[Principal, Depends(needs("admin"))]

    @router.get(
        "/v1/reviews",
        operation_id="list_reviews",
        summary="List answers with a thumb down or a reason, newest feedback first",
        description="Whoever gives such feedback lets the tenant's admins read the turn. A turn"
        " that quotes a document that you may not read is `hidden`.",
        response_model=ReviewList,
        responses=documented(422, 503),
    )
    async def list_reviews(
        who: admin, state: State = None, limit: Limit = 20, after: After = None
    ) -> Response:
        found, next_ = await reviews.newest(who, state, limit, after)
        return json_response(ReviewList(reviews=[_view(one) for one in found], next=next_))

    @router.post(
        "/v1/reviews/{turn_id}/correction",
        operation_id="correct_answer",
        summary="Say what an answer should have been",
        description="It takes the answer's place in training sets that are made from now on. The"
        " conversation stays as it is. The newest correction or feedback on a turn counts.",
        response_model=ReviewView,
        responses=documented(404, 409, 413, 422, 503),
    )
    async def correct_answer(turn_id: Id, body: CorrectionBody, who: admin) -> Response:
        return json_response(_view(await reviews.correct(who, turn_id, body.corrected_answer)))

    return router


def _view(seen: Seen) -> ReviewView:
    one, by = seen.review, seen.review.correction
    turn = ReviewView(**one.model_dump(include=_SAID), hidden=seen.hidden, sources=[])
    if seen.hidden:
        return turn
    shown = {
        "question": one.question,
        "answer": one.answer,
        "sources": [
            ReviewSourceView(**source.model_dump(include=set(ReviewSourceView.model_fields)))
            for source in one.sources
        ],
        "correction": by and CorrectionView(answer=by.answer, by=by.by, at=by.at),
    }
    return turn.model_copy(update=shown)


# What the user said of the answer, and what says nothing of it.
_SAID = {
    *("turn_id", "state", "asked_at", "given_at", "model"),
    *("rating", "reasons", "comment", "corrected_answer"),
}
