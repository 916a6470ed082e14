"""ContextRequested: what was said in a conversation; answered by ContextAnswered."""

from pydantic import Field

from contracts.message import Message


class ContextRequestedV1(Message):
    """The newest turns of the principal's own conversation that fit into `max_tokens`."""

    conversation_id: str
    max_turns: int = Field(default=6, ge=1, le=50)
    max_tokens: int = Field(default=1500, ge=1)
