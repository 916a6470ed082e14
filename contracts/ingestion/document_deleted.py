"""DocumentDeleted: nothing of this document up to `ordinal` may be shown any more."""

from pydantic import Field

from contracts.message import Message


class DocumentDeletedV1(Message):
    document_id: str
    ordinal: int = Field(ge=0)
