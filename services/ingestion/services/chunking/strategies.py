"""The named ways to cut a document (docs/chunking.md), within what the embedding model reads."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from zlib import crc32

from contracts.ingestion.chunking import DEFAULT_CHUNKING, Chunking
from services.ingestion.models.parsed import Chunk, Parsed
from services.ingestion.services.chunking.blocks import Block, blocks_of
from services.ingestion.services.chunking.chunking import (
    BOUNDARIES,
    CHUNK_MAX,
    STRUCTURE,
    Pages,
    Sizes,
    chunk_of,
    chunks_of,
    pieces,
)
from services.ingestion.services.chunking.tokens import model_tokens

# Of `fixed`: each chunk begins with the last words of the one before.
OVERLAP = 200
# Found alone, and read with its neighbours: three of them are as long as a chunk of `structure`.
SENTENCES = Sizes(whole=0, section=0, sentence=60)
ROWS = Sizes(whole=0, rows=300)
PARENTS = Sizes(whole=400, chunk=400, table=800, section=200)
# By so much the estimate may be too low for tables and code.
_MARGIN = 0.95
# Enough of the text before a cut to tell it from other places.
_MARK = 24
Cut = Callable[[Parsed], list[Chunk]]


@dataclass(frozen=True, slots=True)
class InputLimit:
    """What the embedding model reads of a text; None: any number of characters."""

    tokens: int
    characters: int | None = None

    def holds(self, text: str) -> bool:
        fits = self.characters is None or len(text) <= self.characters
        most = self.tokens * _MARGIN
        # No sign is more than two tokens: a short text need not be counted.
        return fits and (len(text) < self.tokens // 3 or model_tokens(text) <= most)


@dataclass(frozen=True)
class Chunkings:
    """Cuts a document as it is asked, or by default."""

    limit: InputLimit
    default: Chunking = DEFAULT_CHUNKING

    def chunks(self, parsed: Parsed, asked: Chunking | None = None) -> list[Chunk]:
        """In order, with exact spans; what the model does not read of a chunk is one of its own."""
        cut = STRATEGIES[asked or self.default]
        found = [piece for chunk in cut(parsed) for piece in fitting(chunk, self.limit)]
        # Chunks of `fixed` overlap: the last piece of one may begin behind the next one's start.
        return sorted(found, key=lambda piece: piece.start)


def fixed(parsed: Parsed) -> list[Chunk]:
    """Chunks of about equal length, page by page, which overlap.

    Where a cut falls is decided by the words before it, not by the count of characters since the
    beginning, so that an edit moves the next few cuts only: content-defined chunking, from
    Muthitacharoen, Chen and Mazieres, "A Low-bandwidth Network File System" (2001).
    """
    text, pages = parsed.text, Pages(parsed)
    headings = _Headings(parsed)
    starts = [0, *(page.start for page in parsed.pages[1:]), len(text)]
    chunks = []
    for begin, end in pairwise(starts):
        for start, stop in _windows(text, begin, end):
            chunks.append(chunk_of(parsed, pages, start, stop, headings.above(start)))
    return [chunk for chunk in chunks if chunk.end > chunk.start]


STRATEGIES: Mapping[Chunking, Cut] = {
    "structure": partial(chunks_of, sizes=STRUCTURE),
    "fixed": fixed,
    "sentences": partial(chunks_of, sizes=SENTENCES),
    "rows": partial(chunks_of, sizes=ROWS),
    "parents": partial(chunks_of, sizes=PARENTS),
}


def fitting(chunk: Chunk, limit: InputLimit) -> Iterator[Chunk]:
    """The chunk, or pieces of it that the model reads to their ends; each keeps its header."""
    if limit.holds(chunk.embedded_text):
        yield chunk
        return
    own = chunk.end - chunk.start
    header, text = chunk.text[: len(chunk.text) - own], chunk.text[len(chunk.text) - own :]
    if own < 2:
        yield chunk  # only its title is too long
        return
    for start, end in pieces(text, 0, own, math.ceil(own / 2)):
        piece = text[start:end].strip()
        if not piece:
            continue
        first = chunk.start + start + len(text[start:end]) - len(text[start:end].lstrip())
        part = replace(chunk, text=header + piece, start=first, end=first + len(piece))
        yield from fitting(part, limit)


def _windows(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of at most CHUNK_MAX characters; each but the first begins in the one before."""
    start = cut = begin
    while cut < end:
        after = end if end - cut <= CHUNK_MAX - OVERLAP else _cut(text, cut, end)
        yield start, after
        cut = after
        words = [found.end() for found in BOUNDARIES[-1].finditer(text, cut - OVERLAP, cut)]
        start = words[0] if words else cut - OVERLAP


def _cut(text: str, start: int, end: int) -> int:
    """The boundary, of the best kind that there is, whose words before it have the lowest hash."""
    last = min(end, start + CHUNK_MAX - OVERLAP)
    first = start + (CHUNK_MAX - OVERLAP) // 2
    for boundary in BOUNDARIES[1:]:
        ends = [found.end() for found in boundary.finditer(text, first, last)]
        if ends:
            return min(ends, key=lambda place: _hash(text, place))
    return min(range(first, last + 1), key=lambda place: _hash(text, place))


def _hash(text: str, place: int) -> int:
    return crc32(text[max(0, place - _MARK) : place].encode(errors="replace"))


class _Headings:
    """Those that stand above a place."""

    def __init__(self, parsed: Parsed) -> None:
        self._starts: list[int] = []
        self._paths: list[Sequence[Block]] = [()]
        for block in blocks_of(parsed.text, markdown=parsed.markdown):
            if block.kind == "heading":
                above = [one for one in self._paths[-1] if one.level < block.level]
                self._starts.append(block.start)
                self._paths.append((*above, block))

    def above(self, place: int) -> Sequence[Block]:
        return self._paths[bisect_right(self._starts, place)]
