"""What ingestion-queries carries about the versions of a document, their files and their texts.

Describe and Restore are answered by DocumentState, with the document in its new state.
"""

from datetime import datetime
from typing import Annotated

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

Ordinal = Annotated[int, Field(ge=1, le=2**31 - 1)]


class DescribeDocumentV1(Message):
    """Changes the fields that `changed` names (tags, metadata, visibility); the others stay.

    `accepted_id` is an upload that must have been taken in before, so that it cannot undo the
    change.
    """

    document_id: str
    changed: tuple[str, ...]
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    visibility: Visibility = None
    accepted_id: str | None = None
    visible_to: VisibleTo = None


class RestoreVersionV1(Message):
    """Shows an earlier version again, as the document's newest one."""

    document_id: str
    ordinal: Ordinal
    accepted_id: str | None = None
    visible_to: VisibleTo = None


class ListVersionsV1(Message):
    """The newest 200 versions that the asker may see."""

    document_id: str
    visible_to: VisibleTo = None


class VersionSummary(Shape):
    """`current`: searches find it. `kept`: its passages are there, so it can be restored.

    `drawn_from` is the version whose passages it took over.
    """

    ordinal: int
    status: Status
    current: bool = False
    kept: bool = False
    media_type: str | None = None
    content_hash: str | None = None
    size_bytes: int | None = None
    counts: Counts = Counts()
    error: Failure | None = None
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    visibility: Visibility = None
    drawn_from: int | None = None
    created_at: datetime


class VersionsListedV1(Message):
    name: Name
    versions: tuple[VersionSummary, ...]


class ContentRequestedV1(Message):
    """Where a version's original bytes are; without `ordinal`, those that searches find."""

    document_id: str
    ordinal: Ordinal | None = None
    visible_to: VisibleTo = None


class ContentAnsweredV1(Message):
    """Exactly one of `key`, an object in the carrier, and `text`, the text itself.

    `etag` is the object's own when it was taken in: another one is another content.
    """

    name: Name
    ordinal: int
    media_type: str | None = None
    key: str | None = None
    etag: str | None = None
    text: str | None = None


class TextRequestedV1(Message):
    """A version's text as it was read; without `ordinal`, the one that searches find."""

    document_id: str
    ordinal: Ordinal | None = None
    visible_to: VisibleTo = None


class TextChunk(Shape):
    """`start` and `end` are characters of the parsed text, `page` counts from 1."""

    passage_id: str
    title: str = ""
    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    page: int | None = None
    headings: tuple[str, ...] = ()


class TextAnsweredV1(Message):
    name: Name
    ordinal: int
    media_type: str | None = None
    chunks: tuple[TextChunk, ...]
