"""The names in a text: capitalised spans and their parts, quotations, links, phrases."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from contracts.ingestion.entity_name import Word, fold, joined, words_of

# fmt: off
# What follows them is a phrase that may be a name in lower case.
DETERMINERS = frozenset((
    "the", "a", "an", "this", "our", "your", "its", "their", "each", "every", "any", "der",
    "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "le", "la",
    "les", "un", "une", "el", "los", "las", "una", "il", "lo", "gli", "uno", "o", "os", "um",
    "uma", "het", "een",
))
# fmt: on
WORDS_MAX = 8
Kind = Literal["name", "number", "link", "end"]

# A lower-case word this short may stand inside a name (`Gone with the Wind`), two of them at most.
LINK_LENGTH = 4
LINKS_MAX = 2
# What may stand between two words of one name; a full stop only after an initial.
_GAPS = frozenset((" ", "\n", "-", "–", "'", "’", "&", " & ", "/"))
_AFTER_INITIAL = frozenset((". ", "."))
_QUOTED = re.compile(
    r"\"([^\"\n]{2,80})\"|“([^”\n]{2,80})”|«([^»\n]{2,80})»|„([^“”\n]{2,80})[“”]"
    r"|「([^」\n]{1,40})」|『([^』\n]{1,40})』|《([^》\n]{1,40})》|`([^`\n]{2,80})`"
    r"|\[([^\]\n]{2,80})\]\("
)


class _Part(NamedTuple):
    folded: str
    kind: Kind


def names_in(text: str) -> Iterator[str]:
    """Folded names, the surest first: what is quoted, whole names, phrases, parts of names."""
    words = words_of(text)
    spans = list(_spans(text, words))
    yield from _quoted(text)
    for span in spans:
        yield joined([part.folded for part in span[:WORDS_MAX]])
    yield from _phrases(text, words)
    for span in spans:
        yield from _parts(span)


def _quoted(text: str) -> Iterator[str]:
    for match in _QUOTED.finditer(text):
        yield fold(next(filter(None, match.groups()), ""))


def _spans(text: str, words: Sequence[Word]) -> Iterator[list[_Part]]:
    """Maximal runs of names, numbers and short words between them."""
    span: list[_Part] = []
    end = 0
    for word in words:
        kind = _kind(word.raw)
        if span and not _goes_on(text[end : word.start], span[-1]):
            yield from _trimmed(span)
            span = []
        if kind == "end":
            yield from _trimmed(span)
            span = []
        else:
            span.append(_Part(word.folded, kind))
        end = word.end
    yield from _trimmed(span)


def _kind(raw: str) -> Kind:
    first = raw[0]
    if first.isupper() or first.istitle():
        return "name"
    if first.isdigit():
        return "number"
    return "link" if len(raw) <= LINK_LENGTH else "end"


def _goes_on(gap: str, last: _Part) -> bool:
    return gap in _GAPS or (gap in _AFTER_INITIAL and len(last.folded) == 1)


def _trimmed(span: list[_Part]) -> Iterator[list[_Part]]:
    first, last = 0, len(span)
    while first < last and span[first].kind == "link":
        first += 1
    while last > first and span[last - 1].kind == "link":
        last -= 1
    if any(part.kind == "name" for part in span[first:last]):
        yield span[first:last]


def _parts(span: Sequence[_Part]) -> Iterator[str]:
    """Every run of the span's words that begins and ends with a name or a number."""
    for first, part in enumerate(span):
        if part.kind == "link":
            continue
        links = 0
        for last in range(first, min(first + WORDS_MAX, len(span))):
            links = links + 1 if span[last].kind == "link" else 0
            if links > LINKS_MAX:
                break
            if not links:
                yield joined([p.folded for p in span[first : last + 1]])


def _phrases(text: str, words: Sequence[Word]) -> Iterator[str]:
    """Two and three words after a determiner, in lower case or not (`the refund policy`)."""
    for at, word in enumerate(words):
        if word.folded in DETERMINERS:
            run = _run(text, words[at + 1 : at + 4], word.end)
            for length in range(2, len(run) + 1):
                yield joined(run[:length])


def _run(text: str, words: Sequence[Word], end: int) -> list[str]:
    run: list[str] = []
    for word in words:
        if text[end : word.start] not in (" ", "-", "\n") or len(word.raw) <= 2:
            break
        run.append(word.folded)
        end = word.end
    return run
