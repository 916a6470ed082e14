"""SearchRequested: a finished query; answered by SearchAnswered."""

from typing import Any, Literal

from pydantic import Field

from contracts.message import Message, Shape

Leg = Literal["bm25", "dense", "graph", "rerank"]
Fusion = Literal["zscore", "minmax", "rrf"]


class Weights(Shape):
    """How much each leg counts in the fused score."""

    bm25: float = Field(default=0.5, ge=0, le=1)
    dense: float = Field(default=0.5, ge=0, le=1)
    graph: float = Field(default=0.4, ge=0, le=1)


class SearchRequestedV1(Message):
    """`visible_to` is the principal's own set (`user:…`, `group:…`), never taken from a client."""

    query: str = Field(min_length=1, max_length=10_000)
    limit: int = Field(default=8, ge=1, le=100)
    legs: tuple[Leg, ...] | None = None
    fusion: Fusion | None = None
    weights: Weights | None = None
    filter: dict[str, Any] | None = None
    visible_to: tuple[str, ...] = ()
    turn_id: str | None = None
