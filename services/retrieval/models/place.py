"""Where a name stands in the graph: the passages that lead to it, and what those are about."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A passage that is about a name, mentions it, or both."""

    passage_id: str
    document_id: str
    ordinal: int
    about: bool
    mentions: bool


@dataclass(frozen=True, slots=True)
class Topic:
    """A name that a passage is about; `named_by` passages in scope mention the name."""

    passage_id: str
    name: str
    named_by: int


@dataclass(frozen=True, slots=True)
class Support:
    """A version that leads to a name."""

    name: str
    document_id: str
    ordinal: int
