"""What ingestion publishes on the topic documents."""

from datetime import datetime

from pydantic import Field

from contracts.ingestion.document import (
    Counts,
    Failure,
    Metadata,
    Name,
    Parents,
    Status,
    Tags,
    Visibility,
)
from contracts.message import Message


class DocumentChunkedV1(Message):
    """`ordinal` rises with each version; `manifest_key` names JSON lines in the carrier.

    `rewrite`: the index is damaged, so retrieval writes the version anew even if its head shows it.
    """

    document_id: str
    name: Name
    ordinal: int = Field(ge=1)
    content_hash: str
    manifest_key: str
    model: str
    dimension: int = Field(ge=1)
    counts: Counts
    media_type: str
    created_at: datetime
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    visibility: Visibility = None
    rewrite: bool = False
    parents: Parents = ()


class DocumentDeletedV1(Message):
    document_id: str
    ordinal: int = Field(ge=0)


class DocumentFailedV1(Message):
    """`status` is `rejected` (the document's fault) or `failed` (ours); more may come."""

    document_id: str
    name: Name
    ordinal: int
    status: Status
    error: Failure
