"""DocumentFailed: a document ended `rejected` (its own fault) or `failed` (ours)."""

from typing import Literal

from contracts.ingestion.document import Failure, Name
from contracts.message import Message


class DocumentFailedV1(Message):
    document_id: str
    name: Name
    ordinal: int
    status: Literal["rejected", "failed"]
    error: Failure
