"""What the queue memory-queries carries: what is remembered for a prompt, and conversations."""

from datetime import datetime

from pydantic import Field

from contracts.embedding import Embedding
from contracts.gateway.turns import Quoted
from contracts.message import Message, Shape

TITLE_MAX = 120


class PastTurn(Shape):
    """`quotes` are the documents that the answer cites."""

    turn_id: str
    question: str
    answer: str
    completed_at: datetime
    quotes: tuple[Quoted, ...] = ()


class UserTurn(Shape):
    """A turn of any of the user's conversations; `quotes` are the documents that it cites."""

    turn_id: str
    conversation_id: str
    question: str
    answer: str
    completed_at: datetime
    quotes: tuple[Quoted, ...] = ()


class Fact(Shape):
    """What the user said of himself in a question; `superseded` when a later turn corrected it."""

    subject: str
    value: str
    said_at: datetime
    superseded: bool = False


class ContextRequestedV1(Message):
    """The newest turns of the principal's own conversation that fit into `max_tokens`.

    With `question`, the facts of the user and the turns of his other conversations that fit the
    question are answered too. `recent` are his newest turns as the sender knows them: memory may
    not have heard of them yet.
    """

    conversation_id: str
    max_turns: int = Field(default=6, ge=1, le=50)
    max_tokens: int = Field(default=1500, ge=1)
    question: str | None = None
    # Of `question`, where the sender has it already: then it is not made again.
    embedding: Embedding | None = None
    recent: tuple[UserTurn, ...] = ()


class ContextAnsweredV1(Message):
    """`recalled` best first, `facts` newest first. Tokens and cost of embedding the question."""

    conversation_id: str
    turns: tuple[PastTurn, ...]
    recalled: tuple[UserTurn, ...] = ()
    facts: tuple[Fact, ...] = ()
    input_tokens: int = Field(default=0, ge=0)
    cost_usd: str = "0"


class ConversationSummary(Shape):
    conversation_id: str
    title: str
    turns: int
    last_at: datetime


class ConversationsListedV1(Message):
    """`next` is the `after` of the next page; None on the last one."""

    conversations: tuple[ConversationSummary, ...]
    next: str | None = None


class ListConversationsV1(Message):
    """Newest first. `query`: all its words stand in the title or in a question."""

    limit: int = Field(default=20, ge=1, le=100)
    query: str | None = None
    after: str | None = None


class KeptSource(Shape):
    """A source of a remembered answer; its text is asked for by `passage_id`."""

    n: int
    document_id: str
    ordinal: int
    passage_id: str
    name: str
    page: int | None = None
    start: int
    end: int
    cited: bool


class KeptTurn(Shape):
    turn_id: str
    question: str
    answer: str
    outcome: str = "completed"
    model: str = "none"
    sources: tuple[KeptSource, ...] = ()
    asked_at: datetime | None = None
    completed_at: datetime


class ConversationRequestedV1(Message):
    """The newest `limit` turns. Refused with `not_found`, also when it is another user's."""

    conversation_id: str
    limit: int = Field(default=200, ge=1, le=500)


class ConversationAnsweredV1(Message):
    """`turns` oldest first; `title` is given by the user, or the first question's beginning."""

    conversation_id: str
    title: str
    turns: tuple[KeptTurn, ...]


class TurnRequestedV1(Message):
    """One turn of the principal. Refused with `not_found`, also when it is another user's."""

    turn_id: str


class TurnAnsweredV1(Message):
    conversation_id: str
    turn: KeptTurn


class RenameConversationV1(Message):
    """Answered by ConversationAnswered without turns. Refused with `not_found`."""

    conversation_id: str
    title: str = Field(min_length=1, max_length=TITLE_MAX)


class DeleteConversationV1(Message):
    """Turns that were asked up to `asked_until` are removed, and kept out when they come late."""

    conversation_id: str
    asked_until: datetime


class ConversationDeletedV1(Message):
    """How many items were removed, by what they were: `turns`, `facts`, `titles`."""

    conversation_id: str
    removed: dict[str, int]
