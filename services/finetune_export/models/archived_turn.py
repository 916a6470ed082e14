"""An archived turn and its keys: one object a turn, kept until erased by right."""

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

FORMAT = 1
TURNS_PREFIX = "turns/"
DAYS_PREFIX = "days/"


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
        """Tenant and user come first: an erasure lists one prefix."""
        return f"{TURNS_PREFIX}{self.tenant}/{self._place}.json"

    @property
    def day_key(self) -> str:
        """The same turn under its day (UTC): an export or a compaction lists one prefix.

        The object is empty; what follows the day leads to `key`.
        """
        day = self.completed_at.astimezone(UTC).date().isoformat()
        return f"{DAYS_PREFIX}{self.tenant}/{day}/{self._place}"

    @staticmethod
    def key_of(day_key: str) -> tuple[str, date, str]:
        """The tenant, the day and the turn's own key, from its key in the day's index."""
        _, tenant, day, place = day_key.split("/", 3)
        return tenant, date.fromisoformat(day), f"{TURNS_PREFIX}{tenant}/{place}.json"

    @property
    def _place(self) -> str:
        user = quote(self.user, safe="@")  # a slash in it would reach into another's prefix
        return f"{user}/{self.conversation_id}/{self.turn_id}"
