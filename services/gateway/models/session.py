"""A turn of a conversation, as the gateway keeps it for some hours."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

# Each turn renews it. The memory service keeps older turns.
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
