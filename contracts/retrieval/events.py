"""What retrieval publishes on the topic documents."""

from contracts.ingestion.document import Counts
from contracts.message import Message


class DocumentIndexedV1(Message):
    document_id: str
    ordinal: int
    counts: Counts
