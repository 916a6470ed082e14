"""Reviews: list answers that were not liked, show one, correct it."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.finetune_export.reviews import (
    CorrectAnswerV1,
    GetReviewV1,
    ListReviewsV1,
    ReviewAnsweredV1,
    ReviewCorrection,
    ReviewShape,
    ReviewsListedV1,
    ReviewSource,
)
from contracts.platform.replies import RequestFailedV1
from services.finetune_export.models.review import Review
from services.finetune_export.services.reviewing import NotCorrectable, Reviewing
from shared.outcomes import Done, Outcome, Reject

_NOT_FOUND = Done(RequestFailedV1(code="not_found", message="There is no such review."))


@dataclass(frozen=True)
class ReviewsController:
    reviewing: Reviewing

    async def list(self, message: ListReviewsV1, context: Context) -> Outcome:
        asked = (message.state, message.after, message.limit)
        page = await self.reviewing.newest(context.tenant, *asked)
        reviews = tuple(_shape(one) for one in page.reviews)
        return Done(ReviewsListedV1(reviews=reviews, next=page.next))

    async def get(self, message: GetReviewV1, context: Context) -> Outcome:
        return _answer(await self.reviewing.show(context.tenant, message.turn_id))

    async def correct(self, message: CorrectAnswerV1, context: Context) -> Outcome:
        if context.principal is None:
            return Reject("a correction belongs to an admin: the envelope has no principal")
        wanted = (message.turn_id, message.corrected_answer)
        try:
            return _answer(await self.reviewing.correct(context, *wanted))
        except NotCorrectable as error:
            return Done(RequestFailedV1(code="not_possible", message=f"{error}."))


def _answer(review: Review | None) -> Outcome:
    return Done(ReviewAnsweredV1(review=_shape(review))) if review else _NOT_FOUND


def _shape(review: Review) -> ReviewShape:
    turn, said, by = review.turn, review.said, review.correction
    correction = None
    if by is not None:
        # Without words when a document that the turn quoted was deleted since.
        answer, who = by.corrected_answer or "", by.corrected_by or ""
        correction = ReviewCorrection(answer=answer, by=who, at=by.given_at)
    shown = set(ReviewSource.model_fields)
    return ReviewShape(
        turn_id=turn.turn_id,
        state=review.state,
        asked_at=said.asked_at,
        given_at=said.given_at,
        rating=said.rating,
        reasons=said.reasons,
        comment=said.comment,
        corrected_answer=said.corrected_answer,
        question=turn.body["question"],
        answer=turn.body["answer"],
        model=turn.body["model"],
        sources=tuple(
            ReviewSource(**{name: source[name] for name in shown})
            for source in turn.body["sources"]
        ),
        documents=tuple(sorted(turn.documents)),
        correction=correction,
    )
