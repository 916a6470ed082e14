"""DeleteDocument: make a document invisible at once and remove its traces."""

from contracts.ingestion.document import VisibleTo
from contracts.message import Message


class DeleteDocumentV1(Message):
    document_id: str
    visible_to: VisibleTo = None
