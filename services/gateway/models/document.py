"""The note that a document was accepted, kept until ingestion knows it too."""

from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict

# Longer than any backlog of the intake queue, which only writes rows.
NOTE_LIFETIME_S = 24 * 60 * 60


class AcceptedNote(BaseModel):
    """`message_id` lets ingestion tell whether it took this very upload in."""

    model_config = ConfigDict(frozen=True)

    document_id: str
    name: str
    message_id: str
    media_type: str
    tags: tuple[str, ...] = ()
    visibility: tuple[str, ...] | None = None
    accepted_at: datetime


class Notes(Protocol):
    """All raise Unavailable."""

    async def put(self, tenant: str, note: AcceptedNote) -> None: ...

    async def get(self, tenant: str, document_id: str) -> AcceptedNote | None: ...

    async def drop(self, tenant: str, document_id: str) -> None: ...
