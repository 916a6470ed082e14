"""A document, its versions, and the states they pass through."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# The id of a message by hand is a hash of its body, so the same text sent again has it again.
BY_HAND = "hand-"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked, and in whose train: enough to publish in that context later."""

    tenant: str
    message_id: str
    correlation_id: str
    principal: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What a document says about itself besides its content; a change makes a new version."""

    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    visibility: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a version ended `rejected` or `failed`."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Intake:
    """A document offered: exactly one of `text` and `key`; `content_hash` is known for text.

    `visible_to` are the names of whoever offers it; None: an operator. `sent_at` is when the
    broker took the message; None when it came through none.
    """

    origin: Origin
    document_id: str
    name: str
    description: Description
    media_type: str | None = None
    text: str | None = None
    key: str | None = None
    sequencer: str | None = None
    content_hash: str | None = None
    # Known to be unfit already now: it enters the registry as rejected, so that its owner sees why.
    fault: Fault | None = None
    visible_to: tuple[str, ...] | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a message that offered a document.

    `deleted`: a deletion came before it, so nothing became of it. `fault`: it was refused.
    """

    document_id: str
    name: str
    at: datetime
    deleted: bool = False
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What a version holds."""

    chunks: int = 0
    pages: int = 0
    characters: int = 0
    entities: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A version to work on until the lease ends; `claim` proves whose it is.

    `attempts` failed before; `interruptions` ended without a word, as when a worker dies.
    """

    claim: str
    document_id: str
    ordinal: int
    name: str
    origin: Origin
    description: Description
    created_at: datetime
    attempts: int = 0
    interruptions: int = 0
    media_type: str | None = None
    text: str | None = None
    key: str | None = None
    # The newest earlier version that can be found: the same content again is no new version.
    live_hash: str | None = None
    live_description: Description | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A version parsed, chunked and embedded; its manifest lies in the carrier bucket."""

    content_hash: str
    manifest_key: str
    media_type: str
    model: str
    dimension: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Announcement:
    """A version to tell of: to retrieval when `indexing`, to all when `rejected` or `failed`."""

    document_id: str
    ordinal: int
    name: str
    status: str
    origin: Origin
    description: Description
    created_at: datetime
    result: Result | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deleted document: nothing up to `ordinal` may be shown.

    `ordinals` name the manifests and `keys` the uploads and drops that may still lie there.
    """

    origin: Origin
    document_id: str
    name: str
    ordinal: int
    created_at: datetime
    ordinals: tuple[int, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Leftover:
    """A version that another one replaced; `key` is its upload, if nobody else uses it."""

    tenant: str
    document_id: str
    ordinal: int
    key: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """A document as its newest version shows it."""

    document_id: str
    name: str
    status: str
    ordinal: int
    created_at: datetime
    updated_at: datetime
    description: Description = Description()
    media_type: str | None = None
    counts: Counts = Counts()
    fault: Fault | None = None
    cited: int = 0
