"""What retrieval publishes on the topic documents."""

from contracts.ingestion.document import Counts
from contracts.message import Message


class DocumentIndexedV1(Message):
    document_id: str
    ordinal: int
    counts: Counts


class IndexingRefusedV1(Message):
    """A version can never be indexed as it is: `code` is stable, `message` says what to do."""

    document_id: str
    ordinal: int
    code: str
    message: str
