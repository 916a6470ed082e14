"""An answer that is judged, and what a judge says of it."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# The rubric; `{marker}` stands for the random marker of the fence.
RUBRIC = (Path(__file__).parent / "judge_prompt.txt").read_text(encoding="utf-8").strip()


class CitedSource(BaseModel):
    """A source under its number in the answer."""

    model_config = ConfigDict(frozen=True)

    n: int
    text: str


class Case(BaseModel):
    """Without `expected` the documents do not tell; `sources` are those that the answer cites."""

    model_config = ConfigDict(frozen=True)

    question: str
    answer: str
    expected: tuple[str, ...]
    sources: tuple[CitedSource, ...]


class Opinion(BaseModel):
    """A judge's answer, taken as it is or not at all; `supported` by the sources."""

    model_config = ConfigDict(frozen=True, strict=True)

    reason: str = Field(min_length=1)
    verdict: Literal["right", "partly", "wrong", "refused"]
    supported: bool
