"""A remembered turn: whose it is, what was said, what it quotes, when it is forgotten."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

RETENTION = timedelta(days=7)
# Longer than a turn's event can come late: 4 days in a queue, 14 among its dead letters.
TOMBSTONE_LIFE = timedelta(days=19)
# DynamoDB takes items up to 400 KB; both texts together stay well below it.
TEXT_MAX = 100_000
# Stands for an answer that quoted a deleted document.
CUT = "A quotation from a deleted document was removed."


class ConversationKey(BaseModel):
    """Two users of one tenant never share a conversation, whatever its id.

    A `#` parts the three in the store, and only a user's name may hold one.
    """

    model_config = ConfigDict(frozen=True)

    tenant: str
    user: str
    conversation_id: str = Field(pattern=r"^[^#]{1,128}$")


class Source(BaseModel):
    """A passage that stood in the prompt under number `n`; its text is not kept."""

    model_config = ConfigDict(frozen=True)

    n: int
    document_id: str
    ordinal: int
    passage_id: str
    name: str
    page: int | None = None
    start: int
    end: int
    cited: bool


class Vector(BaseModel):
    """An embedding as little-endian float16; vectors of different spaces cannot be compared."""

    model_config = ConfigDict(frozen=True)

    model: str
    dimension: int
    halves: bytes


class Turn(BaseModel):
    """`vector` is that of the question; None when it could not be embedded."""

    model_config = ConfigDict(frozen=True)

    key: ConversationKey
    turn_id: str
    question: str
    answer: str
    outcome: str = "completed"
    model: str = "none"
    sources: tuple[Source, ...] = ()
    asked_at: datetime
    completed_at: datetime
    vector: Vector | None = None

    @property
    def expires_at(self) -> datetime:
        return self.completed_at + RETENTION

    @property
    def documents(self) -> frozenset[str]:
        return frozenset(source.document_id for source in self.sources)

    def without(self, document_id: str, ordinal: int) -> "Turn":
        """Without what it holds of these versions of a document: its sources and quotations."""
        gone = {s.n for s in self.sources if s.document_id == document_id and s.ordinal <= ordinal}
        quoted = any(source.cited for source in self.sources if source.n in gone)
        kept = tuple(source for source in self.sources if source.n not in gone)
        return self.model_copy(update={"sources": kept} | ({"answer": CUT} if quoted else {}))


class Outline(BaseModel):
    """What is read of a turn to decide whether it is recalled."""

    model_config = ConfigDict(frozen=True)

    key: ConversationKey
    turn_id: str
    completed_at: datetime
    vector: Vector | None


class Fact(BaseModel):
    """What a user said of himself in a turn's question; no value: it holds no longer."""

    model_config = ConfigDict(frozen=True)

    subject: str
    value: str | None
    said_at: datetime
    turn_id: str
    conversation_id: str
    superseded: bool = False

    @property
    def expires_at(self) -> datetime:
        return self.said_at + RETENTION


class Conversation(BaseModel):
    """A conversation's outline; `title` is given, or its first question that is remembered."""

    model_config = ConfigDict(frozen=True)

    conversation_id: str
    title: str
    turns: int
    last_at: datetime


class Marks(BaseModel):
    """What bears on a turn that has just been written.

    `erased_until`: what was asked up to then was erased; `deleted` maps documents to their last
    deleted version.
    """

    model_config = ConfigDict(frozen=True)

    erased_until: datetime | None = None
    deleted: dict[str, int] = {}
