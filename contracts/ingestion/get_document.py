"""GetDocument: ask for a document's state; answered by DocumentState."""

from contracts.ingestion.document import VisibleTo
from contracts.message import Message


class GetDocumentV1(Message):
    """With `accepted_id`, also asks whether the message of that id was taken in already."""

    document_id: str
    accepted_id: str | None = None
    visible_to: VisibleTo = None
