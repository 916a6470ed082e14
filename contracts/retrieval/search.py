"""A search on the queue retrieval-queries: a finished query, and the passages found."""

from typing import Any, Literal

from pydantic import Field

from contracts.embedding import Embedding
from contracts.message import Message, Shape

Leg = Literal["bm25", "dense", "graph", "rerank"]
Fusion = Literal["zscore", "minmax", "rrf"]

# The form of `filter`, for readers of this file and of the HTTP description.
FILTER_FORM = """\
One condition, or several joined: {"and": [...]}, {"or": [...]}, {"not": {...}}.
A condition names a `field` and exactly one test of it:
{"field": "tags", "eq": "law"}, {"field": "name", "prefix": "draft"},
{"field": "media_type", "in": ["text/html", "text/plain"]},
{"field": "created_at", "range": {"gte": "2024-05-01", "lt": "2024-06-01"}}.
Fields: document_id, media_type, tags (eq, in); name (eq, in, prefix); created_at (range);
metadata.KEY (eq, in, range) with a text, a number or a truth; dates are compared as ISO texts.
A document_id means the document with its parts: members of an archive, attachments of a mail.
A range has gt or gte, lt or lte, or one of each side; created_at takes ISO dates or moments, a date
being its first instant in UTC. A value of another type never matches: 2024 is not "2024".
"""


class Weights(Shape):
    """How much each leg counts in the fused score."""

    bm25: float = Field(default=0.5, ge=0, le=1)
    dense: float = Field(default=0.5, ge=0, le=1)
    graph: float = Field(default=0.6, ge=0, le=1)


class SearchRequestedV1(Message):
    """`visible_to` is the principal's own set (`user:…`, `group:…`), never taken from a client.

    FILTER_FORM describes `filter`; one that cannot be read is answered by RequestFailed with the
    code `invalid_filter` and the name of the field. With `join_tokens`, hits are joined with their
    neighbours where a section goes on, by so many tokens of text together.
    """

    query: str = Field(min_length=1, max_length=10_000)
    limit: int = Field(default=8, ge=1, le=100)
    legs: tuple[Leg, ...] | None = None
    fusion: Fusion | None = None
    weights: Weights | None = None
    filter: dict[str, Any] | None = None
    visible_to: tuple[str, ...] = ()
    turn_id: str | None = None
    join_tokens: int = Field(default=0, ge=0, le=32_000)
    # Of `query`, where the sender has it already: then it is not made again.
    embedding: Embedding | None = None


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
    """A passage that reads the same as a hit and is left out of the hits."""

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
    """`legs` says of each leg of the search `applied`, `skipped` or `failed`.

    More states may come: a reader shows one that it does not know as it is.
    """

    hits: tuple[Hit, ...]
    legs: dict[str, str] = Field(default_factory=dict)
    input_tokens: int = 0
    cost_usd: str = "0"
    took_ms: dict[str, float] = Field(default_factory=dict)
