"""A single passage on the queue retrieval-queries: what a citation leads to."""

from pydantic import Field

from contracts.message import Message


class PassageRequestedV1(Message):
    """Answered by PassageAnswered, or by RequestFailed `not_found`.

    The refusal is the same for a passage that is unknown, deleted, replaced or not visible to the
    asker. `visible_to` is the principal's own set (`user:…`, `group:…`).
    """

    passage_id: str = Field(min_length=1, max_length=200)
    visible_to: tuple[str, ...] = ()


class PassageAnsweredV1(Message):
    """`start` and `end` are characters of the document's parsed text; `ordinal` is the version."""

    passage_id: str
    document_id: str
    name: str
    ordinal: int
    title: str = ""
    text: str
    page: int | None = None
    start: int
    end: int
