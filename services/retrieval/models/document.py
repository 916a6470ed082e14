"""A version of a document as the search store knows it, and the one head record per document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

Value = str | int | float | bool | date


@dataclass(frozen=True, slots=True)
class Version:
    """`visibility` lists who may see it (`user:…`, `group:…`); None: the whole tenant.

    `parents` are the documents that a part came in.
    """

    tenant: str
    document_id: str
    ordinal: int
    name: str
    media_type: str
    created_at: datetime
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Value] = field(default_factory=dict)
    visibility: tuple[str, ...] | None = None
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """The version that counts. A tombstone (`live` false) hides every version up to `ordinal`."""

    ordinal: int
    live: bool

    def shows(self, ordinal: int) -> bool:
        return self.live and self.ordinal == ordinal

    def outdates(self, ordinal: int) -> bool:
        """Whether a version of this ordinal can never be shown any more."""
        return self.ordinal > ordinal or (self.ordinal == ordinal and not self.live)


@dataclass(frozen=True, slots=True)
class Removed:
    """What a purge took: passages, and names that no other passage leads to."""

    passages: int = 0
    names: int = 0

    def __add__(self, other: "Removed") -> "Removed":
        return Removed(self.passages + other.passages, self.names + other.names)
