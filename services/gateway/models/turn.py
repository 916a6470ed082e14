"""What a turn starts from and answers from: a question, and numbered sources."""

from dataclasses import dataclass

from pydantic import BaseModel

from services.gateway.models.principal import Principal


@dataclass(frozen=True)
class Question:
    """`models` in the order in which they are tried; `turn_id` is made before the turn starts."""

    principal: Principal
    text: str
    turn_id: str
    conversation_id: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that stands in the prompt under number `n`, counted from 1.

    `start` and `end` are characters of the document's parsed text; `explain` is retrieval's own
    account of how it found the passage, passed on unread.
    """

    n: int
    document_id: str
    ordinal: int
    passage_id: str
    name: str
    page: int | None
    start: int
    end: int
    text: str
    explain: BaseModel
