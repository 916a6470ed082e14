"""GraphAnswered: an entity, those around it, and the passages that say so."""

from typing import Literal

from contracts.message import Message, Shape

EdgeKind = Literal["names", "same as"]
Relation = Literal["same as", "names", "named by", "names each other"]


class Named(Shape):
    """An entity: `name` as it is stored, `written` as the first passage here writes it.

    `named_by` passages in scope mention it, counted up to 100.
    """

    name: str
    written: str
    named_by: int


class Neighbour(Named):
    """`relation` is seen from the asked entity; `strength` is 0…1, the rarer the higher."""

    relation: Relation
    strength: float


class Edge(Shape):
    """A passage about `source` mentions `target`; or, `same as`, passages are about both.

    `passages` are those of its evidence that the answer holds, of `evidence` that there are.
    """

    source: str
    target: str
    kind: EdgeKind
    passages: tuple[str, ...]
    evidence: int


class Mark(Shape):
    """Where an entity's name stands in its passage's own text."""

    name: str
    start: int
    end: int


class Evidence(Shape):
    """A passage that is about the asked entity, mentions it, or both.

    `start` and `end` are characters of the document's parsed text.
    """

    passage_id: str
    document_id: str
    name: str
    title: str = ""
    page: int | None = None
    start: int
    end: int
    text: str
    about: bool
    mentions: bool
    marks: tuple[Mark, ...] = ()


class GraphAnsweredV1(Message):
    """`entities` strongest first; `left_out` more were found than were asked for."""

    entity: Named
    entities: tuple[Neighbour, ...] = ()
    edges: tuple[Edge, ...] = ()
    passages: tuple[Evidence, ...] = ()
    left_out: int = 0
