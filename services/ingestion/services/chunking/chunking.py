"""A parsed document as chunks: by structure, with spans, pages and the headings above."""

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from services.ingestion.models.parsed import Chunk, PageSpan, Parsed
from services.ingestion.services.chunking.blocks import Block, blocks_of, plain

# Up to here a document stays whole: an abstract or a note reads best in one piece.
WHOLE_MAX = 2000
# The local model sees 256 tokens, about 1,100 characters of English: longer chunks lose their end.
CHUNK_MAX = 1200
# A table or a listing says little without its head, so it may be longer before it is cut.
TABLE_MAX = 2000
# A new section starts a new chunk, unless what stands before it is shorter than this.
SECTION_MIN = 500
# Where a block that is too long is cut: at a line, a sentence, a word, in this order.
_BOUNDARIES = (
    re.compile(r"\n"),
    re.compile(r"[.!?…][\"'”’)\]]*\s|[。！？]"),
    re.compile(r"\s"),
)


@dataclass
class _Draft:
    """A chunk being filled. `lead` are the headings that stood just before its first block."""

    start: int
    end: int
    path: tuple[Block, ...]
    lead: list[Block] = field(default_factory=list)


def chunks_of(parsed: Parsed) -> list[Chunk]:
    """Every character that is not blank lies in a chunk, or is a heading in a chunk's headings."""
    blocks = list(blocks_of(parsed.text, markdown=parsed.markdown))
    whole = len(parsed.text.strip()) <= WHOLE_MAX
    drafts = list(_drafts(parsed.text, blocks, whole))
    starts = [page.start for page in parsed.pages]
    return [_chunk(parsed, draft, plain(parsed.title), starts) for draft in drafts]


def _drafts(text: str, blocks: Sequence[Block], whole: bool) -> Iterator[_Draft]:
    draft: _Draft | None = None
    path: list[Block] = []
    lead: list[Block] = []
    for block in blocks:
        if block.kind == "heading":
            path = [above for above in path if above.level < block.level] + [block]
            lead.append(block)
            continue
        for start, end in _parts(text, block, whole):
            if draft and not whole and _closes(draft, end, bool(lead)):
                yield draft
                draft = None
            if draft is None:
                draft = _Draft(start, end, tuple(path), lead)
            else:
                draft.end = end
                draft.path = _shared(draft.path, path)
            lead = []
    if draft is None and lead:
        draft = _Draft(lead[0].start, lead[-1].end, ())
    elif draft and lead:
        draft.end = lead[-1].end
    if draft:
        yield draft


def _parts(text: str, block: Block, whole: bool) -> Iterator[tuple[int, int]]:
    limit = TABLE_MAX if block.kind in ("table", "code") else CHUNK_MAX
    if whole:
        yield block.start, block.end
    else:
        yield from _pieces(text, block.start, block.end, limit)


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


def _closes(draft: _Draft, end: int, new_section: bool) -> bool:
    if new_section and draft.end - draft.start >= SECTION_MIN:
        return True
    return end - draft.start > CHUNK_MAX


def _shared(one: Sequence[Block], other: Sequence[Block]) -> tuple[Block, ...]:
    """The headings that both stand under."""
    same = 0
    while same < min(len(one), len(other)) and one[same] is other[same]:
        same += 1
    return tuple(one[:same])


def _chunk(parsed: Parsed, draft: _Draft, title: str, page_starts: Sequence[int]) -> Chunk:
    """Leading headings go to `headings`; from the first that cannot, they stay in the text."""
    start = draft.start
    for heading in draft.lead:
        if not any(heading is above for above in draft.path):
            start = heading.start
            break
    raw = parsed.text[start : draft.end]
    text = raw.strip()
    start += len(raw) - len(raw.lstrip())
    headings = tuple(block.heading for block in draft.path if block.heading)
    parts = [part for part in (title, *headings) if part]
    chunk = Chunk(text, start, start + len(text), headings=headings)
    return replace(
        chunk,
        title=": ".join(dict.fromkeys(parts)),
        page=_page(parsed.pages, page_starts, start),
    )


def _page(pages: Sequence[PageSpan], starts: Sequence[int], place: int) -> int | None:
    """Pages rise with the text; what stands before the first belongs to it."""
    if not pages:
        return None
    return pages[max(0, bisect_right(starts, place) - 1)].page
