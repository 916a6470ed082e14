"""What the stores hold of a document, as an audit sees it."""

from dataclasses import dataclass, field

from services.retrieval.models.document import Head


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """`names` are the different ones that its passages lead to; None: this store keeps none."""

    ordinal: int
    passages: int
    names: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A document with its head, if this store has heads, and its versions in order."""

    document_id: str
    head: Head | None = None
    versions: tuple[HeldVersion, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Page:
    """Up to `limit` documents after `after`, in the order of their ids; or those of `ids`."""

    after: str = ""
    limit: int = 200
    ids: tuple[str, ...] = ()
