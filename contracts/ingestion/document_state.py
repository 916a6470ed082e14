"""DocumentState: where a document stands in its life cycle."""

from datetime import datetime

from pydantic import Field

from contracts.ingestion.document import Counts, Failure, Metadata, Name, Status, Tags
from contracts.message import Message, Shape


class DocumentSummary(Shape):
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
