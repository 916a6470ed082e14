"""The HTTP and SSE shapes of the gateway, for its controllers and for the client."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.ingestion.document import Counts, Failure, Metadata, Status, Tags
from contracts.ingestion.queries import DocumentSummary
from contracts.retrieval.graph import (
    Edge,
    Evidence,
    GraphAnsweredV1,
    Named,
    Neighbour,
)
from contracts.retrieval.search import FILTER_FORM, Explanation, Fusion, Hit, Leg, Weights

QUESTION_MAX = 4_000


class Body(BaseModel):
    """What a client sends: an unknown field is an error, so that a typing slip is not ignored.

    Blanks round a text do not count, so a question of blanks only is too short.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Problem(BaseModel):
    """application/problem+json (RFC 9457); `code` is stable, `detail` says what to do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    errors: list[dict[str, Any]] | None = None


class DocumentAccepted(BaseModel):
    document_id: str
    name: str
    status: Status


class DocumentView(BaseModel):
    """A document as `GET /v1/documents/{id}` shows it."""

    document_id: str
    name: str
    status: Status
    counts: Counts = Counts()
    error: Failure | None = None
    media_type: str | None = None
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    cited: int = 0
    created_at: str | None = None
    updated_at: str | None = None

    @classmethod
    def of(cls, summary: DocumentSummary) -> "DocumentView":
        return cls.model_validate(summary.model_dump(mode="json"))


class DocumentList(BaseModel):
    documents: list[DocumentView]
    next: str | None = None


class SearchBody(Body):
    query: str = Field(min_length=1, max_length=QUESTION_MAX)
    limit: int = Field(default=8, ge=1, le=100)
    filter: dict[str, Any] | None = Field(default=None, description=FILTER_FORM)
    legs: tuple[Leg, ...] | None = None
    fusion: Fusion | None = None
    weights: Weights | None = None
    join_tokens: int = Field(
        default=0,
        ge=0,
        le=32_000,
        description="how much text may be added to hits whose section goes on; 0: passages alone",
    )


class SearchView(BaseModel):
    hits: tuple[Hit, ...]
    legs: dict[str, str]
    took_ms: dict[str, float] = Field(default_factory=dict)


class GraphView(BaseModel):
    """An entity's neighbourhood as `GET /v1/graph` shows it, with the passages as evidence."""

    entity: Named
    entities: tuple[Neighbour, ...]
    edges: tuple[Edge, ...]
    passages: tuple[Evidence, ...]
    left_out: int = 0

    @classmethod
    def of(cls, answered: GraphAnsweredV1) -> "GraphView":
        return cls(
            entity=answered.entity,
            entities=answered.entities,
            edges=answered.edges,
            passages=answered.passages,
            left_out=answered.left_out,
        )


class ChatBody(Body):
    question: str = Field(min_length=1, max_length=QUESTION_MAX)
    conversation_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]{1,64}$")
    model: str | None = Field(default=None, max_length=256)


class Meta(BaseModel):
    """SSE `meta`: sent before the first token."""

    turn_id: str
    conversation_id: str
    cached: bool
    degraded: list[str] = Field(default_factory=list)
    query: str
    trace_id: str | None = None


class SourceView(BaseModel):
    """One entry of SSE `sources`; `explain` says how the search found it."""

    n: int
    document_id: str
    name: str
    passage_id: str
    page: int | None = None
    start: int
    end: int
    text: str
    explain: Explanation | None = None


class Citation(BaseModel):
    """One entry of SSE `citations`: a source that the answer really names."""

    n: int
    document_id: str
    name: str
    page: int | None = None
    start: int
    end: int


class TokenEvent(BaseModel):
    text: str


class Usage(BaseModel):
    """SSE `usage`: the turn's sum over all its model calls."""

    input_tokens: int
    output_tokens: int
    cost_usd: float


class Done(BaseModel):
    turn_id: str


class ErrorEvent(BaseModel):
    code: str
    message: str


class UsageSum(BaseModel):
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class UsageView(BaseModel):
    """A month (`2026-11`, UTC) of the principal's own; `users` for the scope admin only."""

    month: str
    own: UsageSum
    users: dict[str, UsageSum] | None = None


class Readiness(BaseModel):
    ready: bool
    services: dict[str, Literal["ok", "no answer"]]
