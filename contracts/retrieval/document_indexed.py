"""DocumentIndexed: a version of a document can be found; the counts say how much of it."""

from contracts.ingestion.document import Counts
from contracts.message import Message


class DocumentIndexedV1(Message):
    document_id: str
    ordinal: int
    counts: Counts
