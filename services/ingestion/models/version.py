"""A document, its versions, and the states they pass through."""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from contracts.ingestion.chunking import Chunking

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
    # How it asks to be cut; None: as its tenant wishes.
    chunking: Chunking | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a version ended `rejected` or `failed`."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Intake:
    """A document offered: `text`, or a `key` with perhaps a copy of what lies there as `text`.

    `content_hash` is known for text without a key.
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
    # Of the object when it was taken in: a drop's key may hold other bytes later.
    etag: str | None = None
    content_hash: str | None = None
    # The way it came in: http, drop, message or part.
    source: str = "message"
    # Known to be unfit already now: it enters the registry as rejected, so that its owner sees why.
    fault: Fault | None = None
    visible_to: tuple[str, ...] | None = None
    sent_at: datetime | None = None
    # Of a part: the documents that it is in, from the nearest, the nearest one's version, the
    # part's size in bytes, and what the parent said of itself in the version before.
    parents: tuple[str, ...] = ()
    parent_ordinal: int = 0
    size: int = 0
    parent_before: Description | None = None
    # Until then there may be no object under `key`.
    awaited_until: datetime | None = None


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
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Documents that wait for a worker, and how long the first of them could have been claimed."""

    documents: int
    oldest_s: float


@dataclass(slots=True)
class Tally:
    """What the work on a claim took so far: seconds by stage, USD, chunks embedded of all.

    The stage that is under way is in `seconds` only when it has ended.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    cost_usd: Decimal = Decimal(0)
    embedded: int = 0
    chunks: int = 0
    stage: str = ""
    _since: float = 0.0

    def enter(self, stage: str) -> None:
        """The stage before has ended; `stage` begins."""
        now = time.monotonic()
        if self.stage:
            self.seconds[self.stage] = now - self._since
        self.stage, self._since = stage, now

    def lasts_s(self) -> float:
        """How long the stage under way has lasted."""
        return time.monotonic() - self._since

    @property
    def progress(self) -> float:
        """Of embedding, from 0 to 1."""
        return self.embedded / self.chunks if self.chunks else 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """A version parsed, chunked and embedded; its manifest lies in the carrier bucket."""

    content_hash: str
    manifest_key: str
    media_type: str
    model: str
    dimension: int
    counts: Counts
    size_bytes: int | None = None
    # Seconds by stage.
    stages: dict[str, float] = field(default_factory=dict)
    # What was not read, and why.
    note: str = ""


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
    awaited_until: datetime | None = None
    # The newest earlier version that can be found: the same content again is no new version.
    live_hash: str | None = None
    live_description: Description | None = None
    tally: Tally = field(default_factory=Tally, compare=False)
    # The version whose passages this one takes over, and what became of that one.
    drawn_from: int | None = None
    drawn: Result | None = None
    parents: tuple[str, ...] = ()
    # How its tenant wishes documents to be cut that do not ask.
    wished: Chunking | None = None


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
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deleted document: nothing up to `ordinal` may be shown.

    `keys` are the uploads and drops that may still lie there.
    """

    origin: Origin
    document_id: str
    name: str
    ordinal: int
    at: datetime
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
    attempts: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    progress: float | None = None
    traceparent: str | None = None
    cost_usd: Decimal = Decimal(0)
    # The user of the first version, and the way it came in.
    owner: str | None = None
    source: str | None = None
    parent_id: str | None = None
    note: str = ""
    # Why work on it has not begun, when its tenant has to wait.
    waiting_for: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which documents a page shows; `query` is a part of the name, in any case."""

    state: str | None = None
    query: str | None = None
    tag: str | None = None


EVERY = Selection()


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be said otherwise of a document; `fields` are the names that count."""

    fields: frozenset[str]
    to: Description

    def of(self, before: Description) -> Description:
        return replace(before, **{name: getattr(self.to, name) for name in self.fields})

    def inside(self, parent: Description) -> "PartsChange":
        """For the parts of a document that was described as `parent`."""
        return PartsChange(self.fields, self.to, parent)


@dataclass(frozen=True, slots=True)
class PartsChange:
    """The same said of a document's parts, each of which keeps its own title.

    A part that other people see than its parent is seen by those who see both.
    """

    fields: frozenset[str]
    to: Description
    parent: Description

    def of(self, before: Description) -> Description:
        after = Change(self.fields, self.to).of(before)
        if "metadata" in self.fields:
            told = {key: value for key, value in self.to.metadata.items() if key != "title"}
            own = {key: value for key, value in before.metadata.items() if key == "title"}
            after = replace(after, metadata=told | own)
        if "visibility" in self.fields and before.visibility != self.parent.visibility:
            readers = readers_of_both(before.visibility, self.to.visibility)
            after = replace(after, visibility=readers)
        return after


def readers_of_both(
    one: tuple[str, ...] | None, other: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Those who see both of two documents; None: all of the tenant."""
    if one is None or other is None:
        return other if one is None else one
    return tuple(name for name in one if name in other)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a document that was not deleted.

    `kept`: its manifest is there for good. `standing`: it is in work or ready. `readable`: its
    content, `key` or `text`, was not purged.
    """

    ordinal: int
    name: str
    status: str
    created_at: datetime
    kept: bool
    standing: bool
    readable: bool
    description: Description = Description()
    media_type: str | None = None
    content_hash: str | None = None
    drawn_from: int | None = None
    key: str | None = None
    etag: str | None = None
    text: str | None = None
    result: Result | None = None
    fault: Fault | None = None
