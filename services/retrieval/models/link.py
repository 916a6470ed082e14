"""A link of the graph: one passage names what another is about."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """From `seed`, which names `entity`, to `passage_id`, which is about it.

    `named_by` passages name the entity: the fewer, the stronger the link.
    """

    seed: str
    entity: str
    passage_id: str
    document_id: str
    ordinal: int
    named_by: int
