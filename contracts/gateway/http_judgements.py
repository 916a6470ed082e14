"""The HTTP shapes of judgements: what a judge is shown, and what it says of an answer."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from contracts.gateway.http import AskedText, Body, example
from contracts.gateway.http_search import QUESTION_MAX

ANSWER_MAX = 16_000
EXPECTED_MAX, EXPECTED_LENGTH = 16, 2_000
SOURCES_MAX, SOURCE_LENGTH = 32, 32_000
Verdict = Literal["right", "partly", "wrong", "refused"]
Expected = Annotated[AskedText, Field(min_length=1, max_length=EXPECTED_LENGTH)]


class CitedSource(Body):
    """A source that the answer cites."""

    n: int = Field(ge=1, le=9_999, description="its number in the answer")
    text: AskedText = Field(max_length=SOURCE_LENGTH, description="its text")


class JudgementBody(Body):
    """An answer to be judged."""

    model_config = example(
        question="What may a hotel in Denmark cost a night?",
        answer="A hotel in Denmark may cost 155 EUR a night [1].",
        expected=["155 EUR"],
        sources=[{"n": 1, "text": "| Denmark | 155 | 62 |"}],
    )

    question: AskedText = Field(
        min_length=1, max_length=QUESTION_MAX, description="what was asked, any text"
    )
    answer: AskedText = Field(max_length=ANSWER_MAX, description="what was answered; may be empty")
    expected: tuple[Expected, ...] = Field(
        default=(),
        max_length=EXPECTED_MAX,
        description="right answers, any of which will do; empty: the documents do not tell, and the"
        " right answer says so",
    )
    sources: tuple[CitedSource, ...] = Field(
        default=(), max_length=SOURCES_MAX, description="the sources that the answer cites"
    )


class JudgementView(BaseModel):
    """What the judge says."""

    model_config = example(
        verdict="right",
        supported=True,
        reason="155 EUR is the expected amount, and source 1 tells it.",
        model="amazon.nova-lite-v1:0",
        cost_usd=0.00009,
    )

    verdict: Verdict = Field(
        description="`right`, `partly` (a part is missing or contradicted), `wrong`, or `refused`"
        " (it says that it has no answer)"
    )
    supported: bool = Field(description="whether the sources tell all that the answer states")
    reason: str = Field(description="why, in the judge's words")
    model: str = Field(description="the model that judged")
    cost_usd: float = Field(description="USD for this judgement, by the system's price list")
