"""A passage: a chunk of a version as it is indexed, as a leg scores it, and as it is read back."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """`start` and `end` are characters of the parsed text; `n` counts in the version from 0."""

    passage_id: str
    n: int
    title: str
    text: str
    start: int
    end: int
    page: int | None = None
    headings: tuple[str, ...] = ()
    language: str | None = None

    @property
    def matched_text(self) -> str:
        """What every leg matches, and what was embedded."""
        return f"{self.title}. {self.text}" if self.title else self.text


@dataclass(frozen=True, slots=True)
class IndexedPassage:
    """What goes into the store: `vector` is the dimension's number of little-endian float16."""

    passage: Passage
    vector: bytes
    mentions: tuple[str, ...] = ()
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """A passage as one leg found it: higher scores are better, within that leg's list only."""

    passage_id: str
    document_id: str
    ordinal: int
    score: float


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage read back, with the document it belongs to."""

    passage: Passage
    document_id: str
    ordinal: int
    name: str
