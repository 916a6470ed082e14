"""DocumentsListed: the reply to ListDocuments."""

from contracts.ingestion.document_state import DocumentSummary
from contracts.message import Message


class DocumentsListedV1(Message):
    documents: tuple[DocumentSummary, ...]
    next: str | None = None
