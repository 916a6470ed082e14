"""The graph: names, the passages that mention them, and the passages that are about them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import log2
from typing import Literal

# What GraphAnswered says of an edge, and of a neighbour as seen from the asked entity.
EdgeKind = Literal["names", "same as"]
Relation = Literal["same as", "names", "named by", "names each other"]


# The seed of a link that starts at the question itself.
QUESTION = ""


@dataclass(frozen=True, slots=True)
class Link:
    """From `seed`, a passage that mentions `entity`, to `passage_id`, which is about it.

    A link from QUESTION: the question itself names the entity. `named_by` passages mention the
    entity: the fewer, the stronger the link.
    """

    seed: str
    entity: str
    passage_id: str
    document_id: str
    ordinal: int
    named_by: int


@dataclass(frozen=True, slots=True)
class Place:
    """A passage that is about a name, mentions it, or both."""

    passage_id: str
    document_id: str
    ordinal: int
    about: bool
    mentions: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """A name that a passage is about; `named_by` passages in scope mention the name."""

    passage_id: str
    name: str
    named_by: int


@dataclass(frozen=True, slots=True)
class Support:
    """A version with a passage that mentions a name or is about it."""

    name: str
    document_id: str
    ordinal: int


@dataclass(frozen=True)
class Ties:
    """A neighbour of the asked entity, with the ids of the passages that tie the two.

    Passages in `names` are about the asked entity and mention this one; those in `named` are about
    this one and mention the asked entity; those in `shared` are about both.
    """

    name: str
    named_by: int
    names: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)

    @property
    def strength(self) -> float:
        """0 to 1: a name in fewer passages tells more."""
        return 1 / log2(1 + max(1, self.named_by))

    @property
    def relation(self) -> Relation:
        if self.shared:
            return "same as"
        if self.names and self.named:
            return "names each other"
        return "names" if self.names else "named by"

    @property
    def passages(self) -> set[str]:
        return self.names | self.named | self.shared

    def edges(self, asked: str) -> Iterator[tuple[str, str, EdgeKind, set[str]]]:
        """(source, target, kind, passages) for each kind that has passages."""
        if self.shared:
            yield asked, self.name, "same as", self.shared
        if self.names:
            yield asked, self.name, "names", self.names
        if self.named:
            yield self.name, asked, "names", self.named
