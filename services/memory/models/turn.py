"""A remembered turn: whose it is, what was said, when it is forgotten."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

RETENTION = timedelta(days=7)
# DynamoDB takes items up to 400 KB; both texts together stay well below it.
TEXT_MAX = 100_000


class ConversationKey(BaseModel):
    """Two users of one tenant never share a conversation, whatever its id."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    user: str
    conversation_id: str


class Turn(BaseModel):
    model_config = ConfigDict(frozen=True)

    key: ConversationKey
    turn_id: str
    question: str
    answer: str
    completed_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.completed_at + RETENTION


class Conversation(BaseModel):
    """A conversation's outline; `title` is its first question that is still remembered."""

    model_config = ConfigDict(frozen=True)

    conversation_id: str
    title: str
    turns: int
    last_at: datetime
