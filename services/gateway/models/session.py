"""A conversation as the gateway keeps it for some hours."""

from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict

# Sliding: each turn renews it. What is older lives in the memory service.
SESSION_LIFETIME_S = 8 * 60 * 60
SESSION_TURNS = 12


class SessionTurn(BaseModel):
    """`query` is what retrieval was asked, so that the next follow-up knows the subject."""

    model_config = ConfigDict(frozen=True)

    turn_id: str
    question: str
    query: str
    answer: str
    completed_at: datetime


class Sessions(Protocol):
    """Both raise Unavailable."""

    async def load(self, tenant: str, user: str, conversation_id: str) -> list[SessionTurn]:
        """Oldest first; empty when there is none (any more)."""

    async def append(
        self, tenant: str, user: str, conversation_id: str, turn: SessionTurn
    ) -> None: ...
