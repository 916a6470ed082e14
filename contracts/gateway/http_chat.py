"""The HTTP shapes of a question, of the events that answer it, and of feedback on the answer."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from contracts.gateway.http import DOCUMENT_ID, END, PAGE, START, AskedText, Body, example
from contracts.gateway.http_search import QUESTION_MAX, Explanation

TURN_ID = "0d6a3f52-93b1-4c7e-8f3a-0a4f2f8f6c55"
_NUMBER = "the source's number in the answer, from 1"


class ChatBody(Body):
    """A question, by itself or as the next one of a conversation."""

    model_config = example(
        question="What may a hotel in Denmark cost?", conversation_id="holiday-plans"
    )

    question: AskedText = Field(
        min_length=1, max_length=QUESTION_MAX, description="the question, in any language"
    )
    conversation_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="the conversation that the question goes on with; left out: a new one",
    )
    model: str | None = Field(
        default=None, max_length=256, description="the model to try first; left out: the system's"
    )


class MetaEvent(BaseModel):
    """Event `meta`: the first one, sent when the passages are found."""

    model_config = example(
        turn_id=TURN_ID,
        conversation_id="holiday-plans",
        cached=False,
        degraded=[],
        query="What may a hotel in Denmark cost?",
        trace_id=None,
        model=None,
    )

    turn_id: str = Field(description="this question and its answer")
    conversation_id: str = Field(description="send it along with the next question")
    cached: bool = Field(description="whether the answer is one that was given before")
    degraded: list[str] = Field(
        default_factory=list,
        description="what did not answer in time, such as `retrieval`, `memory`, `session` or a"
        " leg of the search; the answer does without it",
    )
    query: str = Field(
        description="what was searched for: the question as it was understood in its conversation"
    )
    trace_id: str | None = Field(default=None, description="this turn's trace, for operators")
    model: str | None = Field(
        default=None,
        description="the model that will answer; null while several might: see the event `usage`",
    )


class SourceView(BaseModel):
    """One entry of the event `sources`: a passage that the answer may cite."""

    model_config = example(
        n=1,
        document_id=DOCUMENT_ID,
        name="handbook.pdf",
        passage_id=f"{DOCUMENT_ID}:1:7",
        page=3,
        start=5120,
        end=5166,
        text="A hotel in Denmark may cost 180 euros a night.",
        explain=None,
    )

    n: int = Field(description=_NUMBER)
    document_id: str = Field(description="its document")
    name: str = Field(description="its document's name")
    passage_id: str = Field(description="its own id")
    page: int | None = Field(default=None, description=PAGE)
    start: int = Field(description=START)
    end: int = Field(description=END)
    text: str = Field(description="its text, with that of neighbours where its section goes on")
    explain: Explanation | None = Field(default=None, description="how the search found it")


class TokenEvent(BaseModel):
    """Event `token`: the next piece of the answer."""

    model_config = example(text="A hotel in Denmark may cost 180 euros [1].")

    text: str = Field(description="follows directly on the piece before")


class Citation(BaseModel):
    """One entry of the event `citations`: a source that the answer really names."""

    model_config = example(
        n=1, document_id=DOCUMENT_ID, name="handbook.pdf", page=3, start=5120, end=5166
    )

    n: int = Field(description=_NUMBER)
    document_id: str = Field(description="its document")
    name: str = Field(description="its document's name")
    page: int | None = Field(default=None, description=PAGE)
    start: int = Field(description=START)
    end: int = Field(description=END)


class UsageEvent(BaseModel):
    """Event `usage`: the sum over all model calls of this turn."""

    model_config = example(
        input_tokens=1873,
        output_tokens=31,
        cost_usd=0.00012,
        model="amazon.nova-lite-v1:0",
        stop_reason=None,
    )

    input_tokens: int = Field(description="tokens that models read")
    output_tokens: int = Field(description="tokens that models wrote")
    cost_usd: float | None = Field(
        default=None,
        description="USD, by the system's price list; null when no model of the turn has a price,"
        " as local ones have none",
    )
    model: str | None = Field(
        default=None, description="the model that answered; null when none was needed"
    )
    stop_reason: str | None = Field(
        default=None,
        description="why the answer is not whole: `max_tokens` (it reached its longest length),"
        " `guardrail_intervened` or `content_filtered` (it was held back); more may be added; null"
        " for a whole one",
    )


class DoneEvent(BaseModel):
    """Event `done`: the answer is complete and recorded. It is the last one."""

    model_config = example(turn_id=TURN_ID)

    turn_id: str = Field(description="this question and its answer")


class ErrorEvent(BaseModel):
    """Event `error`: the answer is not complete, or not recorded yet. It is the last one."""

    model_config = example(
        code="unavailable",
        message="The language model does not answer now. Ask again in a moment.",
    )

    code: str = Field(
        description="`unavailable`, `internal`; `interrupted`, when the answer broke off;"
        " `not_recorded`, when it is complete but could not be recorded in time; more may be added"
    )
    message: str = Field(description="what to do, for people")


Reason = Annotated[str, Field(min_length=1, max_length=64)]


class FeedbackBody(Body):
    """What you think of an answer. The newest feedback on a turn counts."""

    model_config = example(
        rating="down",
        reasons=["outdated"],
        comment="The price is last year's.",
        corrected_answer="A hotel in Denmark may cost 195 euros.",
    )

    rating: Literal["up", "down"] = Field(description="`up`: the answer is good; `down`: it is not")
    reasons: list[Reason] = Field(
        default_factory=list,
        max_length=10,
        description="why, in your own words; the page sends `wrong`, `incomplete`, `outdated`",
    )
    comment: AskedText | None = Field(
        default=None, max_length=4_000, description="anything else to say about the answer"
    )
    corrected_answer: AskedText | None = Field(
        default=None, max_length=20_000, description="what the answer should have been"
    )


class FeedbackAccepted(BaseModel):
    """The feedback is stored and cannot be lost any more."""

    model_config = example(turn_id=TURN_ID, rating="down")

    turn_id: str = Field(description="the question and its answer")
    rating: str = Field(description="`up` or `down`")
