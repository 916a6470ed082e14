"""What the gateway needs of its stores."""

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

    async def put(self, tenant: str, note: AcceptedNote) -> None: ...

    async def get(self, tenant: str, document_id: str) -> AcceptedNote | None: ...

    async def remove(self, tenant: str, document_id: str) -> None: ...


class UsageLedger(Protocol):
    """All raise Unavailable."""

    async def ping(self) -> None: ...

    async def add(self, tenant: str, user: str, month: str, event_id: str, spent: Spent) -> None:
        """Counts an event once, however often it comes."""

    async def of_month(self, tenant: str, month: str) -> dict[str, Spent]:
        """By user."""
