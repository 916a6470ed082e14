"""What a person does with a document in work, on ingestion-queries; DocumentState answers it.

RequestFailed says `not_found`, or `not_possible` with the state and what is possible in it.
"""

from contracts.ingestion.document import VisibleTo
from contracts.message import Message


class RetryDocumentV1(Message):
    """A rejected or failed document is worked on again, from the beginning."""

    document_id: str
    visible_to: VisibleTo = None


class CancelDocumentV1(Message):
    """Work on the document's newest version ends; a version that is ready stays."""

    document_id: str
    visible_to: VisibleTo = None


class ReindexDocumentV1(Message):
    """A ready document is read anew from the same bytes, as its next version."""

    document_id: str
    visible_to: VisibleTo = None
