"""A document as text, the chunks it is cut into, and what a model reads in one."""

from dataclasses import dataclass
from typing import NamedTuple

# Subject, predicate, object; subject and object are folded names.
Relation = tuple[str, str, str]


class PageSpan(NamedTuple):
    """A page (from 1) and the characters of the text that stand on it."""

    page: int
    start: int
    end: int


class Part(NamedTuple):
    """A document inside of another one: an archive's member, or a mail's attachment.

    `name` is the one that it has there, with its folders.
    """

    name: str
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's text: Markdown, or plain text in which `#` and `|` mean nothing.

    `note` says what was not read, and why. `scanned` are pages that are pictures: their text has
    still to be recognised.
    """

    text: str
    markdown: bool
    title: str = ""
    pages: tuple[PageSpan, ...] = ()
    language: str | None = None
    parts: tuple[Part, ...] = ()
    note: str = ""
    scanned: tuple[int, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Extraction:
    """Folded names without duplicates, the surest first; those of `relations` are mentions too."""

    about: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
