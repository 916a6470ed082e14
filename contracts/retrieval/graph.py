"""The graph on the queue retrieval-queries: what stands around an entity."""

from pydantic import Field

from contracts.message import Message, Shape

ENTITY_MAX = 200
ENTITIES, ENTITIES_MAX = 24, 100


class GraphRequestedV1(Message):
    """`visible_to` is the principal's own set (`user:…`, `group:…`), never taken from a client.

    `entity` is folded as in the manifest (contracts/ingestion/entity_name.py). RequestFailed says
    `invalid_entity` for what is no name, `not_found` for one that no passage in scope leads to.
    """

    entity: str = Field(min_length=1, max_length=ENTITY_MAX)
    limit: int = Field(default=ENTITIES, ge=1, le=ENTITIES_MAX)
    visible_to: tuple[str, ...] = ()


class Named(Shape):
    """An entity: `name` as it is stored, `written` as the first passage here writes it.

    `named_by` passages in scope mention it, counted up to 100.
    """

    name: str
    written: str
    named_by: int


class Neighbour(Named):
    """A name that is tied to the asked entity; `strength` is 0…1, the rarer the higher.

    `relation`, seen from the asked entity, is `same as`, `names`, `named by` or `names each other`.
    More relations may come: a reader shows one that it does not know as it is.
    """

    relation: str
    strength: float


class Edge(Shape):
    """An edge of the `kind` `names` (passages about `source` mention `target`) or `same as`.

    `same as`: passages are about both. More kinds may come: a reader shows one that it does not
    know as it is. `passages` are those of its evidence that the answer holds, of `evidence` that
    there are.
    """

    source: str
    target: str
    kind: str
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
