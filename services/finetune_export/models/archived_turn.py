"""An archived turn and its key: one object a turn, kept until erased by right."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

FORMAT = 1


class ArchivedTurn(BaseModel):
    """Everything that was said and shown; `body` is the newest version of TurnCompleted."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    tenant: str
    user: str
    correlation_id: str
    message_id: str
    conversation_id: str
    turn_id: str
    completed_at: datetime
    body: dict[str, Any]

    @property
    def key(self) -> str:
        """Tenant and user come first: an erasure and an export each list one prefix."""
        user = quote(self.user, safe="@")  # a slash in it would reach into another's prefix
        return f"turns/{self.tenant}/{user}/{self.conversation_id}/{self.turn_id}.json"
