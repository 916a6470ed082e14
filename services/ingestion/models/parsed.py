"""A document as text, and the chunks it falls into."""

from dataclasses import dataclass
from typing import NamedTuple


class PageSpan(NamedTuple):
    """A page (from 1) and the characters of the text that stand on it."""

    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """Markdown or plain text; `markdown` says whether `#` and `|` mean anything in it."""

    text: str
    markdown: bool
    title: str = ""
    pages: tuple[PageSpan, ...] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of the parsed text (`text[start:end]`) with the headings above it."""

    text: str
    start: int
    end: int
    page: int | None = None
    headings: tuple[str, ...] = ()
    title: str = ""

    @property
    def embedded_text(self) -> str:
        """What the model sees: `title. text`."""
        return f"{self.title}. {self.text}" if self.title else self.text
