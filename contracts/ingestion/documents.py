"""What the queue ingestion-documents carries: documents offered, dropped or deleted."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from contracts.ingestion.document import Metadata, Name, Tags, Visibility, VisibleTo
from contracts.message import Message, Shape


class InlineText(Shape):
    """The document's text inside the message itself."""

    kind: Literal["inline"] = "inline"
    text: str


# Longer texts are fetched by their key: they would crowd out other messages.
COPY_MAX = 16 * 1024


class StoredObject(Shape):
    """The document as an object under the tenant's own prefix of the carrier bucket.

    `text` may repeat a short object's bytes, if they are UTF-8, so that nobody fetches it. Until
    `awaited_until` the object may still be on its way.
    """

    kind: Literal["object"] = "object"
    key: str = Field(min_length=1, max_length=1024)
    text: str | None = Field(default=None, max_length=COPY_MAX)
    awaited_until: datetime | None = None
    version_id: str | None = None
    sequencer: str | None = None


Source = Annotated[InlineText | StoredObject, Field(discriminator="kind")]


class IngestDocumentV2(Message):
    """Says where the bytes are (`source`); `name` with the tenant is the document's identity.

    `visible_to` names whoever writes: a document that they may not see is not replaced. None: an
    operator, or one who manages all of the tenant's documents.
    """

    name: Name
    source: Source
    media_type: str | None = None
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    visibility: Visibility = None
    visible_to: VisibleTo = None
    # One of contracts.ingestion.chunking; None: the tenant's own, or the default.
    chunking: str | None = None


class IngestDocumentV1(Message):
    """`{"name": …, "text": …}` or `{"name": …, "key": …}`: exactly one of text and key."""

    name: Name
    text: str | None = None
    key: str | None = None
    tags: Tags = ()
    metadata: Metadata = Field(default_factory=dict)
    chunking: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.text is None) == (self.key is None):
            raise ValueError("give exactly one of 'text' and 'key'")
        return self

    def upcast(self) -> IngestDocumentV2:
        rest: dict[str, Any] = self.model_dump(exclude={"text", "key"})
        source = InlineText(text=self.text) if self.key is None else StoredObject(key=self.key)
        return IngestDocumentV2(**rest, source=source)


class DroppedObject(Shape):
    bucket: str
    key: str
    size: int = 0
    version_id: str | None = None
    sequencer: str | None = None


class ObjectsDroppedV1(Message):
    """No objects: a notification that only tests the way (`s3:TestEvent`)."""

    objects: tuple[DroppedObject, ...] = ()


class DeleteDocumentV1(Message):
    """`accepted_id` is the id of an IngestDocument that may not have been taken in yet.

    It is deleted with the document: when it comes, it is passed over.
    """

    document_id: str
    accepted_id: str | None = None
    visible_to: VisibleTo = None
