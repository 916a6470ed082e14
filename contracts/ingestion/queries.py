"""What the queue ingestion-queries carries: where documents stand."""

from datetime import datetime

from pydantic import Field

from contracts.ingestion.document import Counts, Failure, Metadata, Name, Status, Tags, VisibleTo
from contracts.message import Message, Shape


class GetDocumentV1(Message):
    """With `accepted_id`, also asks whether the message of that id was taken in already."""

    document_id: str
    accepted_id: str | None = None
    visible_to: VisibleTo = None


class DocumentSummary(Shape):
    """`status` is accepted, processing, indexing, ready, rejected, failed or deleted.

    More states may come; life_cycle.py says which ones are final.
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
    created_at: datetime
    updated_at: datetime
    cited: int = Field(default=0, ge=0)


class DocumentStateV1(Message):
    """`taken_in` answers GetDocument's `accepted_id`; true when none was given."""

    document: DocumentSummary
    taken_in: bool = True


class ListDocumentsV1(Message):
    """`after` is the `next` of the page before."""

    limit: int = Field(default=50, ge=1, le=500)
    after: str | None = None
    visible_to: VisibleTo = None


class DocumentsListedV1(Message):
    documents: tuple[DocumentSummary, ...]
    next: str | None = None


class TakenInRequestedV1(Message):
    """Which of these IngestDocument messages were taken in? Answered by TakenInAnswered."""

    message_ids: tuple[str, ...] = Field(max_length=1000)


class TakenInAnsweredV1(Message):
    """`missing` were neither taken in nor deleted: whoever sent them may send them again."""

    missing: tuple[str, ...]
