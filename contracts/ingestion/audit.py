"""An audit of a tenant on the queue ingestion-queries: registry, objects, and repairs."""

from pydantic import Field

from contracts.message import Message, Shape


class AuditRegistryV1(Message):
    """A page of a tenant's documents by id, from the one after `after`; or `document_ids` only."""

    after: str = ""
    limit: int = Field(default=200, ge=1, le=1000)
    document_ids: tuple[str, ...] = Field(default=(), max_length=1000)


class RegisteredDocument(Shape):
    """`state` says what the index must hold: `ready` this version; `gone` nothing; `moving` cannot
    be said, since the document is in work. `missing` are `manifest` and `original`, if so.
    """

    document_id: str
    state: str
    ordinal: int = 0
    chunks: int = 0
    names: int = 0
    missing: tuple[str, ...] = ()


class RegistryAuditedV1(Message):
    """`next` is the `after` of the next page; None on the last one."""

    documents: tuple[RegisteredDocument, ...]
    next: str | None = None


class AuditObjectsV1(Message):
    """A page of the tenant's objects under `manifests/` or `uploads/`.

    An upload counts when it is older than `unused_s` seconds: by default as long as a message may
    come that brings it.
    """

    prefix: str
    after: str = ""
    unused_s: float | None = Field(default=None, ge=0)


class ObjectsAuditedV1(Message):
    """`orphans` are the keys that no version has, of `looked` objects."""

    orphans: tuple[str, ...] = ()
    looked: int = 0
    next: str | None = None


class RepairDocumentV1(Message):
    """`index_ordinal` is the highest that the index has of the document, or 0.

    `tombstone`: the index takes it for deleted.
    """

    document_id: str
    index_ordinal: int = Field(default=0, ge=0)
    tombstone: bool = False


class RemoveOrphanV1(Message):
    """The key of an object that no version has; ingestion looks again before it removes it."""

    key: str
    unused_s: float | None = Field(default=None, ge=0)


class RepairedV1(Message):
    """`repair` says what was begun, or what a person must do when there is nothing to begin."""

    begun: bool
    repair: str
