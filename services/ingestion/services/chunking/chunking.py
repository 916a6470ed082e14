"""A parsed document as chunks: by structure, with spans, pages and the headings above."""

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.ingestion.models.parsed import Chunk, PageSpan, Parsed
from services.ingestion.services.chunking.blocks import Block, blocks_of

# Up to here a document stays whole, page by page: an abstract or a note reads best in one piece.
WHOLE_MAX = 2000
# The local model sees 256 tokens, about 1,100 characters of English: longer chunks lose their end.
CHUNK_MAX = 1200
# A table or a listing reads best whole, so it may be longer before it is cut. No chunk is longer.
TABLE_MAX = 2000
# A header that takes more than half of a chunk is not repeated.
HEADER_MAX = CHUNK_MAX // 2
# A new section starts a new chunk, unless what stands before it is shorter than this.
SECTION_MIN = 500
# The title of the document and the headings above a chunk; the outer ones go first.
TITLE_MAX = 600
# Where a block that is too long is cut: at a line, a sentence, a word, in this order.
_BOUNDARIES = (
    re.compile(r"\n"),
    re.compile(r"[.!?…][\"'”’)\]]*\s|[。！？]"),
    re.compile(r"\s"),
)


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


def chunks_of(parsed: Parsed) -> list[Chunk]:
    """Every character that is not blank lies in a chunk, or is a heading in a chunk's headings.

    A chunk lies on one page, and its text is at most `TABLE_MAX` characters long. Its text is
    `parsed.text[start:end]`, below the header of its table where that stands further up.
    """
    blocks = list(blocks_of(parsed.text, markdown=parsed.markdown))
    whole = len(parsed.text.strip()) <= WHOLE_MAX
    drafts = _Drafts(parsed.text, [page.start for page in parsed.pages[1:]], whole).of(blocks)
    title = " ".join(parsed.title.split())
    starts = [page.start for page in parsed.pages]
    chunks = (_chunk(parsed, draft, title, starts) for draft in drafts)
    return [chunk for chunk in chunks if chunk.end > chunk.start]


class _Drafts:
    """`breaks` are the places at which a new page starts."""

    def __init__(self, text: str, breaks: Sequence[int], whole: bool) -> None:
        self._text, self._breaks, self._whole = text, breaks, whole
        self._most = WHOLE_MAX if whole else CHUNK_MAX
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
        full = draft.header or (self._lead and draft.end - draft.start >= SECTION_MIN)
        if full and not self._whole:
            return False
        draft.end, draft.path, self._lead = part.end, path, []
        return True

    def _begin(self, part: _Part, block: Block) -> Iterator[_Draft]:
        limit = CHUNK_MAX if block.kind == "text" else TABLE_MAX
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
        if not turned and (self._whole or now.end - first <= SECTION_MIN):
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
                for piece in _pieces(self._text, start, end, CHUNK_MAX):
                    yield _Draft(*piece)
        self._lead = []

    def _parts(self, block: Block) -> Iterator[_Part]:
        """On one page each, and none longer than a chunk may be."""
        header = self._text[block.start : block.head] if block.head > block.start else ""
        if len(header) > HEADER_MAX:
            header = ""
        most = CHUNK_MAX if block.kind == "text" and not self._whole else TABLE_MAX
        limit = CHUNK_MAX - len(header) if header else most
        for start, end in self._on_pages(block.start, block.end):
            above = header if start > block.start else ""
            if end - start + len(above) <= most:
                yield _Part(start, end, above)
                continue
            # The first piece has the header in it.
            rows = start if above else start + len(header)
            for piece in _pieces(self._text, rows, end, limit):
                yield _Part(start, piece[1], above) if piece[0] == rows else _Part(*piece, header)

    def _on_pages(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        while (at := self._page(start)) < len(self._breaks) and self._breaks[at] < end:
            yield start, self._breaks[at]
            start = self._breaks[at]
        yield start, end

    def _page(self, place: int) -> int:
        return bisect_right(self._breaks, place)


def _pieces(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
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
    for boundary in _BOUNDARIES:
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


def _chunk(parsed: Parsed, draft: _Draft, title: str, page_starts: Sequence[int]) -> Chunk:
    start = draft.begins(draft.path)
    raw = parsed.text[start : draft.end]
    text = raw.strip()
    start += len(raw) - len(raw.lstrip())
    end = start + len(text)
    headings = tuple(block.heading for block in draft.path if block.heading)
    return Chunk(
        f"{draft.header.strip()}\n{text}" if draft.header else text,
        start,
        end,
        page=_page(parsed.pages, page_starts, start),
        headings=headings,
        title=_title(title, headings),
    )


def _title(title: str, headings: Sequence[str]) -> str:
    """The document's title and the headings, outer to inner, as many of them as there is room."""
    parts = list(dict.fromkeys(part for part in (title[: TITLE_MAX // 2 - 2], *headings) if part))
    while len(": ".join(parts)) > TITLE_MAX:
        del parts[1 if title else 0]
    return ": ".join(parts)


def _page(pages: Sequence[PageSpan], starts: Sequence[int], place: int) -> int | None:
    """Pages rise with the text; what stands before the first belongs to it."""
    if not pages:
        return None
    return pages[max(0, bisect_right(starts, place) - 1)].page
