"""What happened to a document: it was indexed, or deleted. Ids and counts, no contents."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

DOCUMENTS_PREFIX = "documents/"


class DocumentEvent(BaseModel):
    """`kind` is the message's type, `body` its newest version, `at` when the broker took it."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    document_id: str
    ordinal: int
    kind: str
    event_id: str
    at: datetime | None
    body: dict[str, Any]

    @property
    def key(self) -> str:
        document = quote(self.document_id, safe="")
        name = f"{self.ordinal:010}-{self.kind}-{self.event_id}.json"
        return f"{DOCUMENTS_PREFIX}{self.tenant}/{document}/{name}"
