"""A parsed document as chunks: by its structure, with spans, pages and the headings above."""

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.ingestion.models.parsed import Chunk, Parsed
from services.ingestion.services.chunking.blocks import Block, blocks_of

# Up to here a document stays whole, page by page: an abstract or a note reads best in one piece.
WHOLE_MAX = 2000
# The local model sees 256 tokens, about 1,100 characters of English: longer chunks lose their end.
CHUNK_MAX = 1200
# A table or a listing reads best whole, so it may be longer before it is cut. No chunk is longer.
TABLE_MAX = 2000
# A new section starts a new chunk, unless what stands before it is shorter than this.
SECTION_MIN = 500
# The title of the document and the headings above a chunk; the outer ones go first.
TITLE_MAX = 600
# Where a block that is too long is cut: at a line, a sentence, a word, in this order.
BOUNDARIES = (
    re.compile(r"\n"),
    re.compile(r"[.!?…][\"'”’)\]]*\s|[。！？]"),
    re.compile(r"\s"),
)
_SENTENCE = re.compile(r"[.!?…][\"'”’)\]]*\s+|[。！？]\s*|\n\s*")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of chunks, in characters. A document of at most `whole` stays whole, page by page.

    With `rows`, a chunk holds no more of a table's rows than fit into it, but one row at least.
    With `sentence`, a chunk ends with the first sentence by which it is so long.
    """

    whole: int = WHOLE_MAX
    chunk: int = CHUNK_MAX
    table: int = TABLE_MAX
    section: int = SECTION_MIN
    rows: int | None = None
    sentence: int | None = None


STRUCTURE = Sizes()


@dataclass(frozen=True, slots=True)
class _Part:
    """Of a block: `text[start:end]`, below the `header` of a table that began further up."""

    start: int
    end: int
    header: str = ""


@dataclass
class _Draft:
    """A chunk being filled. `lead` are the headings that stood just before its first block.

    The first `kept` of its path stand on an earlier page: they can be told in its title only.
    """

    start: int
    end: int
    path: tuple[Block, ...] = ()
    lead: list[Block] = field(default_factory=list)
    header: str = ""
    kept: int = 0

    def begins(self, path: Sequence[Block]) -> int:
        """Headings of `path` are told in the title; from the first other one, they are text."""
        for heading in self.lead:
            if not any(heading is above for above in path):
                return heading.start
        return self.start


def chunks_of(parsed: Parsed, sizes: Sizes = STRUCTURE) -> list[Chunk]:
    """Every character that is not blank lies in a chunk, or is a heading in a chunk's headings.

    A chunk lies on one page, and its text is at most `TABLE_MAX` characters long. Its text is
    `parsed.text[start:end]`, below the header of its table where that stands further up.
    """
    blocks = list(blocks_of(parsed.text, markdown=parsed.markdown))
    drafts = _Drafts(parsed.text, [page.start for page in parsed.pages[1:]], sizes).of(blocks)
    pages = Pages(parsed)
    chunks = (
        chunk_of(parsed, pages, draft.begins(draft.path), draft.end, draft.path, draft.header)
        for draft in drafts
    )
    return [chunk for chunk in chunks if chunk.end > chunk.start]


class _Drafts:
    """`breaks` are the places at which a new page starts."""

    def __init__(self, text: str, breaks: Sequence[int], sizes: Sizes) -> None:
        self._text, self._breaks, self._sizes = text, breaks, sizes
        self._whole = len(text.strip()) <= sizes.whole
        self._most = sizes.whole if self._whole else sizes.chunk
        self._draft: _Draft | None = None
        self._path: list[Block] = []
        self._lead: list[Block] = []

    def of(self, blocks: Sequence[Block]) -> Iterator[_Draft]:
        for block in blocks:
            if block.kind == "heading":
                above = [heading for heading in self._path if heading.level < block.level]
                self._path = [*above, block]
                yield from self._without_stale(block)
                self._lead.append(block)
                continue
            for part in self._parts(block):
                yield from self._without_stale(part)
                if not self._joins(part):
                    yield from self._begin(part, block)
        if self._lead and self._takes_lead():
            self._lead = []
        yield from self._flush()

    def _joins(self, part: _Part) -> bool:
        """Puts it into the current draft, if it fits there."""
        draft = self._draft
        if draft is None or self._page(draft.start) != self._page(part.start):
            return False
        path = _shared(draft.path, self._path)
        if len(path) < draft.kept:
            return False
        if part.header or part.end - draft.begins(path) + len(draft.header) > self._most:
            return False
        if self._is_full(draft) and not self._whole:
            return False
        draft.end, draft.path, self._lead = part.end, path, []
        return True

    def _is_full(self, draft: _Draft) -> bool:
        """Though there would be room."""
        length, sizes = draft.end - draft.start, self._sizes
        if draft.header or (self._lead and length >= sizes.section):
            return True
        return sizes.sentence is not None and length >= sizes.sentence

    def _begin(self, part: _Part, block: Block) -> Iterator[_Draft]:
        limit = self._sizes.chunk if block.kind == "text" else self._sizes.table
        page, path = self._page(part.start), tuple(self._path)
        earlier = [one for one in self._lead if self._page(one.start) != page]
        lead = self._lead[len(earlier) :]
        kept = path.index(earlier[-1]) + 1 if earlier else 0
        started = _Draft(part.start, part.end, path, lead, part.header, kept)
        if part.end - started.begins(started.path) + len(part.header) > limit:
            yield from self._flush()
            started.lead = []
        elif self._draft:
            yield self._draft
        self._draft, self._lead = started, []

    def _without_stale(self, now: Block | _Part) -> Iterator[_Draft]:
        """Headings with nothing below them become text before a page, or a chunk, is full."""
        if not self._lead:
            return
        first = self._lead[0].start
        turned = self._page(first) != self._page(now.start)
        if not turned and (self._whole or now.end - first <= self._sizes.section):
            return
        if all(any(one is above for above in self._path) for one in self._lead):
            return
        if self._takes_lead():
            self._lead = []
        yield from self._flush()

    def _takes_lead(self) -> bool:
        """Whether the waiting headings fit at the end of the current draft; then they are there."""
        draft, end = self._draft, self._lead[-1].end
        if draft is None or self._page(draft.start) != self._page(self._lead[0].start):
            return False
        path = _shared(draft.path, self._path)
        if len(path) < draft.kept or end - draft.begins(path) + len(draft.header) > self._most:
            return False
        draft.end, draft.path = end, path
        return True

    def _flush(self) -> Iterator[_Draft]:
        """The current draft, then the waiting headings as chunks of their own."""
        if self._draft:
            yield self._draft
        self._draft = None
        if self._lead:
            first, last = self._lead[0].start, self._lead[-1].end
            for start, end in self._on_pages(first, last):
                for piece in pieces(self._text, start, end, self._sizes.chunk):
                    yield _Draft(*piece)
        self._lead = []

    def _parts(self, block: Block) -> Iterator[_Part]:
        """On one page each, and none longer than a chunk may be."""
        sizes = self._sizes
        header = self._text[block.start : block.head] if block.head > block.start else ""
        if len(header) > sizes.chunk // 2:
            header = ""
        most = sizes.chunk if block.kind == "text" and not self._whole else sizes.table
        limit = sizes.chunk - len(header) if header else most
        for start, end in self._on_pages(block.start, block.end):
            if sizes.sentence is not None and block.kind == "text" and not self._whole:
                for sentence in _sentences(self._text, start, end):
                    yield from (_Part(*one) for one in pieces(self._text, *sentence, most))
                continue
            above = header if start > block.start else ""
            by_row = sizes.rows if header else None
            if by_row is None and end - start + len(above) <= most:
                yield _Part(start, end, above)
                continue
            # The first piece has the header in it.
            rows = start if above else start + len(header)
            cut = pieces(self._text, rows, end, limit)
            if by_row is not None:
                cut = _rows(self._text, rows, end, by_row, limit)
            for piece in cut:
                yield _Part(start, piece[1], above) if piece[0] == rows else _Part(*piece, header)

    def _on_pages(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        while (at := self._page(start)) < len(self._breaks) and self._breaks[at] < end:
            yield start, self._breaks[at]
            start = self._breaks[at]
        yield start, end

    def _page(self, place: int) -> int:
        return bisect_right(self._breaks, place)


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of sentences, together all of it."""
    for found in _SENTENCE.finditer(text, start, end):
        yield start, found.end()
        start = found.end()
    if start < end:
        yield start, end


def _rows(text: str, start: int, end: int, most: int, limit: int) -> Iterator[tuple[int, int]]:
    """Spans of whole rows of at most `most` characters, or of a row that is longer than that.

    A row above `limit` is cut.
    """
    last = start
    while last < end:
        after = text.find("\n", last, end) + 1 or end
        if after - start > most and last > start:
            yield from pieces(text, start, last, limit)
            start = last
        last = after
    yield from pieces(text, start, end, limit)


def pieces(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Spans of about equal length, none longer than `limit` characters, together all of it."""
    while end - start > limit:
        parts = math.ceil((end - start) / limit)
        cut = _cut(text, start, start + math.ceil((end - start) / parts), start + limit)
        yield start, cut
        start = cut
    yield start, end


def _cut(text: str, start: int, ideal: int, last: int) -> int:
    """The boundary nearest to `ideal`, not before half of it; else the last place allowed."""
    first = start + (ideal - start) // 2
    for boundary in BOUNDARIES:
        ends = [match.end() for match in boundary.finditer(text, first, last)]
        if ends:
            return min(ends, key=lambda place: abs(place - ideal))
    return last


def _shared(one: Sequence[Block], other: Sequence[Block]) -> tuple[Block, ...]:
    """The headings that both stand under."""
    same = 0
    while same < min(len(one), len(other)) and one[same] is other[same]:
        same += 1
    return tuple(one[:same])


class Pages:
    """Which page a place in a text is on. Pages rise with the text."""

    def __init__(self, parsed: Parsed) -> None:
        self._pages, self._starts = parsed.pages, [page.start for page in parsed.pages]

    def of(self, place: int) -> int | None:
        """What stands before the first page belongs to it."""
        if not self._pages:
            return None
        return self._pages[max(0, bisect_right(self._starts, place) - 1)].page


def chunk_of(
    parsed: Parsed, pages: Pages, start: int, end: int, path: Sequence[Block], header: str = ""
) -> Chunk:
    """The span without the blanks at its ends, below the headings of `path` and a `header`."""
    raw = parsed.text[start:end]
    text = raw.strip()
    start += len(raw) - len(raw.lstrip())
    end = start + len(text)
    headings = tuple(block.heading for block in path if block.heading)
    return Chunk(
        f"{header.strip()}\n{text}" if header else text,
        start,
        end,
        page=pages.of(start),
        headings=headings,
        title=_title(" ".join(parsed.title.split()), headings),
    )


def _title(title: str, headings: Sequence[str]) -> str:
    """The document's title and the headings, outer to inner, as many of them as there is room."""
    parts = list(dict.fromkeys(part for part in (title[: TITLE_MAX // 2 - 2], *headings) if part))
    while len(": ".join(parts)) > TITLE_MAX:
        del parts[1 if title else 0]
    return ": ".join(parts)
