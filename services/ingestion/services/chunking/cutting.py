"""Where a block that is too long is cut: at a line, a sentence, a word, in this order."""

import math
import re
from collections.abc import Iterator

_BOUNDARIES = (
    re.compile(r"\n"),
    re.compile(r"[.!?…][\"'”’)\]]*\s|[。！？]"),
    re.compile(r"\s"),
)


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
    for boundary in _BOUNDARIES:
        ends = [match.end() for match in boundary.finditer(text, first, last)]
        if ends:
            return min(ends, key=lambda place: abs(place - ideal))
    return last
