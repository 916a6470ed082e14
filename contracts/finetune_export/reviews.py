"""What the queue finetune-exports carries about answers that were not liked."""

from datetime import datetime

from pydantic import Field

from contracts.message import Message, Shape


class ListReviewsV1(Message):
    """Turns with a thumb down or a reason, newest feedback first. Answered by ReviewsListed.

    `after` is the `next` of the page before; `state` is open or corrected, None: both.
    """

    state: str | None = None
    after: str | None = Field(default=None, max_length=256)
    limit: int = Field(default=20, ge=1, le=50)


class GetReviewV1(Message):
    """Answered by ReviewAnswered, or refused with `not_found`."""

    turn_id: str = Field(min_length=1, max_length=64)


class CorrectAnswerV1(Message):
    """The principal says what the answer should have been. Answered as GetReview is; refused with
    `not_possible` where a document that the turn quoted was deleted."""

    turn_id: str = Field(min_length=1, max_length=64)
    corrected_answer: str = Field(min_length=1, max_length=20_000)


class ReviewSource(Shape):
    n: int
    document_id: str
    name: str
    cited: bool


class ReviewCorrection(Shape):
    """`by` is the admin."""

    answer: str
    by: str
    at: datetime


class ReviewShape(Shape):
    """`documents` are all that the turn quotes: whoever may not read one may not read the turn.

    `corrected_answer` is the user's; `correction` an admin's that is newer.
    """

    turn_id: str
    state: str
    asked_at: datetime
    given_at: datetime
    rating: str
    reasons: tuple[str, ...] = ()
    comment: str | None = None
    corrected_answer: str | None = None
    question: str
    answer: str
    model: str
    sources: tuple[ReviewSource, ...] = ()
    documents: tuple[str, ...] = ()
    correction: ReviewCorrection | None = None


class ReviewAnsweredV1(Message):
    review: ReviewShape


class ReviewsListedV1(Message):
    """`next` None: this is the last page. A page may hold fewer than were asked for."""

    reviews: tuple[ReviewShape, ...]
    next: str | None = None
