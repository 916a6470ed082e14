"""Abbreviations that a text explains: `World Health Organization (WHO)`."""

import re
from collections.abc import Iterator

from contracts.ingestion.entity_name import fold, words_of

_BRACKET = re.compile(r"\(([^\W\d_](?:[^\W_]|[.&/-]){1,9})\)")
_REACH = 120


def abbreviations_in(text: str) -> Iterator[tuple[str, str]]:
    """Pairs (short, long), folded: the words before the bracket hold its letters, in order.

    Schwartz and Hearst, A simple algorithm for identifying abbreviation definitions, PSB 2003.
    """
    for match in _BRACKET.finditer(text):
        letters = [c for c in match[1].casefold() if c.isalnum()]
        if sum(c.isupper() for c in match[1]) < 2:
            continue
        long = _long_form(letters, text[max(0, match.start() - _REACH) : match.start()])
        if long:
            yield fold(match[1]), fold(long)


def _long_form(letters: list[str], before: str) -> str:
    """The shortest end of `before` that holds the letters in order, the first one as an initial."""
    words = words_of(before)
    if not words or words[-1].end < len(before.rstrip()):
        return ""
    at = len(before)
    for place in range(len(letters) - 1, -1, -1):
        at -= 1
        while at >= 0 and not _fits(before, at, letters[place], initial=place == 0):
            at -= 1
        if at < 0:
            return ""
    long = before[at:]
    return long if len(words_of(long)) <= len(letters) + 3 else ""


def _fits(text: str, at: int, letter: str, *, initial: bool) -> bool:
    return text[at].casefold() == letter and not (initial and at and text[at - 1].isalnum())
