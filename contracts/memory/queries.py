"""What the queue memory-queries carries: past turns and conversations."""

from datetime import datetime

from pydantic import Field

from contracts.message import Message, Shape


class PastTurn(Shape):
    turn_id: str
    question: str
    answer: str
    completed_at: datetime


class ContextRequestedV1(Message):
    """The newest turns of the principal's own conversation that fit into `max_tokens`."""

    conversation_id: str
    max_turns: int = Field(default=6, ge=1, le=50)
    max_tokens: int = Field(default=1500, ge=1)


class ContextAnsweredV1(Message):
    conversation_id: str
    turns: tuple[PastTurn, ...]


class ConversationSummary(Shape):
    conversation_id: str
    title: str
    turns: int
    last_at: datetime


class ConversationsListedV1(Message):
    conversations: tuple[ConversationSummary, ...]


class ListConversationsV1(Message):
    limit: int = Field(default=20, ge=1, le=100)
