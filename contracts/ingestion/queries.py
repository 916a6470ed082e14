"""What the queue ingestion-queries carries: where documents stand."""

from datetime import datetime
from decimal import Decimal

from pydantic import Field

from contracts.ingestion.document import (
    Counts,
    Failure,
    Metadata,
    Name,
    Status,
    Tags,
    Visibility,
    VisibleTo,
)
from contracts.message import Message, Shape


class GetDocumentV1(Message):
    """With `accepted_id`, also asks whether the message of that id was taken in already."""

    document_id: str
    accepted_id: str | None = None
    visible_to: VisibleTo = None


class DocumentSummary(Shape):
    """`status` is accepted, parsing, embedding, indexing, ready, rejected, failed, deleting or
    deleted.

    More states may come; life_cycle.py says which ones are final. The rest is of the newest
    version: `attempts` to read it, `stages` in seconds (waiting, parsing, embedding, indexing),
    `progress` of embedding from 0 to 1, and `cost_usd` of its model calls.
    More states may come; life_cycle.py says which ones are final. `owner` is the user of the first
    version, and `source` the way it came in: http, drop, message or part.
    More states may come; life_cycle.py says which ones are final. `parent_id` is the document that
    a part came in, `parts` how many came in this one, and `note` what was not read, and why.
    """

    document_id: str
    name: Name
    status: Status
    ordinal: int
    media_type: str | None = None
    counts: Counts = Counts()
    error: Failure | None = None
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    visibility: Visibility = None
    owner: str | None = None
    source: str | None = None
    created_at: datetime
    updated_at: datetime
    cited: int = Field(default=0, ge=0)
    attempts: int = Field(default=0, ge=0)
    stages: dict[str, float] = Field(default_factory=dict)
    progress: float | None = Field(default=None, ge=0, le=1)
    trace_id: str | None = None
    cost_usd: Decimal = Field(default=Decimal(0), ge=0)
    parent_id: str | None = None
    parts: int = Field(default=0, ge=0)
    note: str | None = None
    # Why work on it has not begun, for people; None when it waits for nothing but its turn.
    waiting_for: str | None = None


class DocumentStateV1(Message):
    """`taken_in` answers GetDocument's `accepted_id`; true when none was given."""

    document: DocumentSummary
    taken_in: bool = True


class ListDocumentsV1(Message):
    """`after` is the `next` of the page before; `query` is a part of the name, in any case."""

    limit: int = Field(default=50, ge=1, le=500)
    after: str | None = None
    visible_to: VisibleTo = None
    state: str | None = None
    query: str | None = None
    tag: str | None = None


class DocumentsListedV1(Message):
    documents: tuple[DocumentSummary, ...]
    next: str | None = None


class TakenInRequestedV1(Message):
    """Which of these IngestDocument messages were taken in? Answered by TakenInAnswered."""

    message_ids: tuple[str, ...] = Field(max_length=1000)


class TakenInAnsweredV1(Message):
    """`missing` were neither taken in nor deleted: whoever sent them may send them again."""

    missing: tuple[str, ...]
