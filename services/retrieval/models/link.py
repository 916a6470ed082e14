"""A link of the graph: one passage names what another is about."""

from dataclasses import dataclass

# A name that more passages are about tells none of them from the others.
OWNERS_MAX = 3
# Rarity is told apart up to here; counting on would cost time and change nothing.
NAMED_BY_MAX = 100


@dataclass(frozen=True, slots=True)
class Link:
    """`named_by` passages in scope name the entity (at most NAMED_BY_MAX), `owners` are about it."""

    entity: str
    from_passage: str
    to_passage: str
    document_id: str
    ordinal: int
    named_by: int
    owners: int
