"""An audit of a tenant on the queue retrieval-queries: what the search store and the graph hold."""

from pydantic import Field

from contracts.message import Message, Shape


class AuditIndexV1(Message):
    """A page of a tenant's documents by id, from the one after `after`; or `document_ids` only."""

    after: str = ""
    limit: int = Field(default=200, ge=1, le=1000)
    document_ids: tuple[str, ...] = Field(default=(), max_length=1000)


class IndexedVersion(Shape):
    """`in_graph` are the passages that the graph beside the store has; `names` what they lead to.

    None where there is no graph beside the store, and no graph at all.
    """

    ordinal: int
    passages: int = 0
    in_graph: int | None = None
    names: int | None = None


class IndexedDocument(Shape):
    """`head` is the ordinal of the head, None without one; `live` is false for a tombstone."""

    document_id: str
    head: int | None = None
    live: bool = False
    versions: tuple[IndexedVersion, ...] = ()


class IndexAuditedV1(Message):
    """`next` is the `after` of the next page; None on the last one."""

    documents: tuple[IndexedDocument, ...]
    next: str | None = None


class AuditNamesV1(Message):
    """Counts what is left in the graph of passages that are gone; with `remove`, removes it."""

    remove: bool = False


class NamesAuditedV1(Message):
    """`strays` are links from passages that are gone, and names to which no passage leads."""

    strays: int
