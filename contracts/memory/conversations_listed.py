"""ConversationsListed: the reply to ListConversations, newest first."""

from datetime import datetime

from contracts.message import Message, Shape


class ConversationSummary(Shape):
    conversation_id: str
    title: str
    turns: int
    last_at: datetime


class ConversationsListedV1(Message):
    conversations: tuple[ConversationSummary, ...]
