"""What memory needs of its store."""

from datetime import datetime
from typing import Protocol

from services.memory.models.turn import ConversationKey, Turn


class TurnStore(Protocol):
    """Every method raises Unavailable when the store cannot be reached."""

    async def ping(self) -> None: ...

    async def put(self, turn: Turn) -> None:
        """Idempotent on the turn's id."""

    async def recent(self, key: ConversationKey, count: int, now: datetime) -> list[Turn]:
        """Newest first, without what has expired by `now`."""

    async def of_user(self, tenant: str, user: str, count: int, now: datetime) -> list[Turn]:
        """Newest first, over all of a user's conversations."""
