"""The HTTP shapes of reviews: answers that were not liked, and their corrections."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from contracts.gateway.http import DOCUMENT_ID, AskedText, Body, example
from contracts.gateway.http_chat import TURN_ID

_AT = "2026-11-27T09:00:00Z"
_SOURCE = {"n": 1, "document_id": DOCUMENT_ID, "name": "travel.md", "cited": True}
_CORRECTION = {
    "answer": "A hotel in Denmark may cost 195 euros.",
    "by": "ann",
    "at": "2026-11-27T10:00:00Z",
}
_VIEW: dict[str, Any] = {
    "turn_id": TURN_ID,
    "state": "corrected",
    "asked_at": _AT,
    "given_at": _AT,
    "rating": "down",
    "reasons": ["outdated"],
    "comment": "The price is last year's.",
    "corrected_answer": None,
    "hidden": False,
    "question": "What may a hotel in Denmark cost?",
    "answer": "A hotel in Denmark may cost 180 euros [1].",
    "model": "amazon.nova-micro-v1:0",
    "sources": [_SOURCE],
    "correction": _CORRECTION,
}


class CorrectionBody(Body):
    """What the answer should have been."""

    model_config = example(corrected_answer="A hotel in Denmark may cost 195 euros.")

    corrected_answer: AskedText = Field(
        min_length=1,
        max_length=20_000,
        description="takes the answer's place in training sets; who asked still sees the old one",
    )


class ReviewSourceView(BaseModel):
    """A document that stood in the prompt."""

    n: int = Field(description="the source's number in the answer, from 1")
    document_id: str = Field(description="the document")
    name: str = Field(description="its name then")
    cited: bool = Field(description="whether the answer cites it")


class CorrectionView(BaseModel):
    """An admin's correction."""

    answer: str = Field(description="what the answer should have been")
    by: str = Field(description="the admin who said so")
    at: datetime = Field(description="when")


class ReviewView(BaseModel):
    """A turn with a thumb down or a reason. Who asked is not told."""

    model_config = example(**_VIEW)

    turn_id: str = Field(description="the question and its answer")
    state: str = Field(
        description="`open`, or `corrected`: an admin has corrected it since the user's feedback"
    )
    asked_at: datetime = Field(description="when the question was asked")
    given_at: datetime = Field(description="when the user said what they think")
    rating: str = Field(description="`up` or `down`")
    reasons: list[str] = Field(description="the user's reasons")
    comment: str | None = Field(default=None, description="what else the user said")
    corrected_answer: str | None = Field(
        default=None, description="what the answer should have been, in the user's words"
    )
    hidden: bool = Field(
        description="the turn quotes a document that you may not read: question, answer, sources"
        " and correction are left out"
    )
    question: str | None = Field(default=None, description="null when hidden")
    answer: str | None = Field(default=None, description="null when hidden")
    model: str = Field(description="the model that answered")
    sources: list[ReviewSourceView] = Field(description="empty when hidden")
    correction: CorrectionView | None = Field(
        default=None, description="null when there is none, and when hidden"
    )


class ReviewList(BaseModel):
    """A page of reviews."""

    model_config = example(reviews=[_VIEW], next=None)

    reviews: list[ReviewView] = Field(
        description="newest feedback first; there may be fewer than asked for, also none"
    )
    next: str | None = Field(
        default=None, description="`after` of the next page; null: this is the last one"
    )
