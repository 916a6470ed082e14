"""What the gateway needs of its stores."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.gateway.models.document import AcceptedNote
from services.gateway.models.session import SessionTurn
from services.gateway.models.usage import Spent


class Sessions(Protocol):
    """All raise Unavailable."""

    async def ping(self) -> None: ...

    async def load(self, tenant: str, user: str, conversation_id: str) -> list[SessionTurn]:
        """Oldest first; empty when there is no session, or when it has expired."""

    async def append(
        self, tenant: str, user: str, conversation_id: str, turn: SessionTurn
    ) -> None: ...


class Notes(Protocol):
    """All raise Unavailable."""

    async def put(self, tenant: str, note: AcceptedNote, due: datetime) -> None:
        """`due` is when ingestion should know the document, at the latest."""

    async def get(self, tenant: str, document_id: str) -> AcceptedNote | None: ...

    async def remove(self, tenant: str, note: AcceptedNote) -> None:
        """A newer note of the same document stays."""

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[str, AcceptedNote]]:
        """Notes of all tenants that are due, with their tenants, the longest overdue first."""

    async def postpone(self, tenant: str, note: AcceptedNote, due: datetime) -> None: ...


class UsageLedger(Protocol):
    """All raise Unavailable."""

    async def ping(self) -> None: ...

    async def add(self, tenant: str, user: str, month: str, event_id: str, spent: Spent) -> None:
        """Counts an event once, however often it comes."""

    async def of_month(self, tenant: str, month: str) -> dict[str, Spent]:
        """By user."""
