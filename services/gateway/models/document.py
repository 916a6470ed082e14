"""A document on its way in: the uploaded file, and the note that it was accepted."""

from dataclasses import dataclass
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

# Longer than any backlog of the intake queue, which only writes rows.
NOTE_LIFETIME_S = 24 * 60 * 60


@dataclass(frozen=True)
class Upload:
    """`file_name` is the client's own word, not yet checked; no visibility: the whole tenant."""

    file_name: str
    body: bytes
    tags: tuple[str, ...]
    metadata: dict[str, str | int | float | bool | date]
    visibility: tuple[str, ...] | None = None


class AcceptedNote(BaseModel):
    """Kept until ingestion knows the document; `message_id` is how ingestion recognises it."""

    model_config = ConfigDict(frozen=True)

    document_id: str
    name: str
    message_id: str
    media_type: str
    tags: tuple[str, ...] = ()
    visibility: tuple[str, ...] | None = None
    accepted_at: datetime
