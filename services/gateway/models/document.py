"""A document on its way in: the uploaded file, and the note that it was accepted."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from contracts.ingestion.chunking import Chunking

# Longer than any backlog of the intake queue, which only writes rows.
NOTE_LIFETIME_S = 24 * 60 * 60


@dataclass(frozen=True)
class Labels:
    """What an uploader says of a file; no visibility: the whole tenant sees it."""

    tags: tuple[str, ...] = ()
    metadata: dict[str, str | int | float | bool | date] = field(default_factory=dict)
    visibility: tuple[str, ...] | None = None
    chunking: Chunking | None = None


@dataclass(frozen=True)
class Chosen:
    """Which documents a list shows; `query` is a part of the name, in any case."""

    state: str | None = None
    query: str | None = None
    tag: str | None = None


EVERY = Chosen()


class Upload(Protocol):
    """A file that is still coming in; its name is the client's own word, not yet checked."""

    file_name: str

    def chunks(self) -> AsyncIterator[bytes]:
        """The file's bytes, once. Raises when the upload turns out not to be acceptable."""

    @property
    def labels(self) -> Labels:
        """Known when `chunks` has come to its end."""


class Download(Protocol):
    """A file on its way out, as in shared.ports; `close` ends it however much was read."""

    @property
    def length(self) -> int: ...

    @property
    def content_range(self) -> str | None: ...

    @property
    def chunks(self) -> AsyncIterator[bytes]: ...

    @property
    def close(self) -> Callable[[], None]: ...


@dataclass(frozen=True)
class ExpectedUpload:
    """A file that its client will put into S3; nothing of it is checked yet but its labels."""

    file_name: str
    size: int
    labels: Labels
    media_type: str | None = None


class AcceptedNote(BaseModel):
    """Kept until ingestion knows the document; `message_id` is how ingestion recognises it.

    `offer` is the whole IngestDocument as JSON, so that it can be sent again on behalf of `user`
    when its queue has lost it.
    """

    model_config = ConfigDict(frozen=True)

    document_id: str
    name: str
    message_id: str
    media_type: str
    tags: tuple[str, ...] = ()
    visibility: tuple[str, ...] | None = None
    user: str | None = None
    offer: dict[str, Any] = Field(default_factory=dict)
    accepted_at: datetime
