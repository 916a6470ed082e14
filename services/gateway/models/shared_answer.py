"""An answer that several askers get: its pieces in order, in a cache entry or as they are made."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.gateway.models.turn import Source


class _Piece(BaseModel):
    model_config = ConfigDict(frozen=True)


class Begun(_Piece):
    """Its passages are found. `turn_id` is the turn that computes the answer."""

    kind: Literal["begun"] = "begun"
    turn_id: str
    query: str
    degraded: tuple[str, ...]
    model: str | None
    sources: tuple[Source, ...]


class Said(_Piece):
    """The next piece of its text."""

    kind: Literal["said"] = "said"
    text: str


class Ended(_Piece):
    """It is complete, with `length` characters of text: then no piece was missed on the way.

    `cited` are numbers of its sources; `model` None: it needed no model.
    """

    kind: Literal["ended"] = "ended"
    model: str | None
    cited: tuple[int, ...]
    length: int
    stop_reason: str | None = None


class Lost(_Piece):
    """Nothing more will come: its computation failed, or it turned out to be its asker's own."""

    kind: Literal["lost"] = "lost"


Piece = Begun | Said | Ended | Lost
Pieces = tuple[Piece, ...]
PIECES: TypeAdapter[Pieces] = TypeAdapter(tuple[Annotated[Piece, Field(discriminator="kind")], ...])
# Of the pieces as JSON: a gateway of a release with another one neither finds nor follows them.
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer is kept: under a tenant, a generation of its documents, and a key.

    Each document that changes or goes begins a new generation: what was kept before is not found
    any more. `key` is a digest of all that the answer depends on, `scope` of all but the question.
    """

    tenant: str
    generation: str
    key: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Worded:
    """How the kept answer's question was put, for those who put it otherwise.

    `values` are the question's embedding, as in contracts.embedding.Embedding.
    """

    question: str
    model: str
    values: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept answer with the embedding of its question."""

    pieces: Pieces
    model: str
    values: str


@dataclass(frozen=True, slots=True)
class Hit:
    """The answer is there."""

    pieces: Pieces


@dataclass(frozen=True, slots=True)
class Followed:
    """The turn `leader` computes the answer now, and can be followed."""

    leader: str


@dataclass(frozen=True, slots=True)
class Leading:
    """Nobody computes it: the asker does, and others follow."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """The tenant's documents have changed: it has another generation by now."""


Sought = Hit | Followed | Leading | Outdated
