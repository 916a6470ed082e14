"""ListConversations: a user's recent conversations; answered by ConversationsListed."""

from pydantic import Field

from contracts.message import Message


class ListConversationsV1(Message):
    limit: int = Field(default=20, ge=1, le=100)
