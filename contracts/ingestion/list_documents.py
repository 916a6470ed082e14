"""ListDocuments: a page of a tenant's documents, newest first; answered by DocumentsListed."""

from pydantic import Field

from contracts.ingestion.document import VisibleTo
from contracts.message import Message


class ListDocumentsV1(Message):
    """`after` is the `next` of the page before."""

    limit: int = Field(default=50, ge=1, le=500)
    after: str | None = None
    visible_to: VisibleTo = None
