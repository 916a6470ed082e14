"""SearchAnswered: the passages found, each with the reason why it is there."""

from typing import Any, Literal

from pydantic import Field

from contracts.message import Message, Shape

LegState = Literal["applied", "skipped", "failed"]


class LegScore(Shape):
    """A leg's own view of a passage: its raw score, the normalised one, its rank from 1."""

    raw: float | None = None
    normalised: float | None = None
    rank: int | None = None
    path: tuple[dict[str, Any], ...] = ()


class Explanation(Shape):
    """None where a leg did not find the passage or did not run.

    `highlights` are (start, end) in the hit's own text, where words of the query stand.
    """

    bm25: LegScore | None = None
    dense: LegScore | None = None
    graph: LegScore | None = None
    fused: LegScore | None = None
    rerank: LegScore | None = None
    highlights: tuple[tuple[int, int], ...] = ()


class Twin(Shape):
    """A passage that reads the same as a hit, and is left out for it."""

    document_id: str
    name: str
    passage_id: str


class Hit(Shape):
    """A passage; `start` and `end` are characters of the document's parsed text.

    `exact` are the query's quoted phrases and identifiers that stand in it word for word; `joined`
    the neighbouring passages whose text was put together with it, if that was asked for.
    """

    document_id: str
    name: str
    ordinal: int
    passage_id: str
    title: str = ""
    text: str
    page: int | None = None
    start: int
    end: int
    score: float
    explain: Explanation = Explanation()
    exact: tuple[str, ...] = ()
    also_in: tuple[Twin, ...] = ()
    joined: tuple[str, ...] = ()


class SearchAnsweredV1(Message):
    hits: tuple[Hit, ...]
    legs: dict[str, LegState] = Field(default_factory=dict)
    input_tokens: int = 0
    cost_usd: str = "0"
    took_ms: dict[str, float] = Field(default_factory=dict)
