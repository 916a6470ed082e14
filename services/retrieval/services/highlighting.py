"""Where the words of a query stand in a passage."""

import re
from collections.abc import Collection, Sequence

from services.retrieval.models.typed_query import STOP_WORDS, unspaced, words_of

HIGHLIGHTS_MAX = 50
_WORD = re.compile(r"[^\W_]+")
# Close to what the index's stemmer takes off; a word that keeps three letters is still one.
_KEPT = 3
_ENDING = re.compile(rf"(?<=[^\W\d_]{{{_KEPT}}})(?:ies|ing|ed|es|s|ly|e|y)$")
# So common that marking them says nothing, in languages where words are this short.
_SHORTEST = 3


def highlights(query: str, text: str) -> tuple[tuple[int, int], ...]:
    """(start, end) in characters of `text`, in order and apart, at most HIGHLIGHTS_MAX."""
    typed = words_of(query)
    stems = {_stem(word) for word in typed if _tells(word)}
    runs = [word for word in typed if unspaced(word)]
    # Most words differ from all stems in what a stem keeps of them, and need no closer look.
    begun = {stem[:_KEPT] for stem in stems}
    found = [
        match.span()
        for match in _WORD.finditer(text)
        if (word := match.group().lower())[:_KEPT] in begun and _stem(word) in stems
    ]
    return tuple(_apart({*found, *_pairs(runs, text)})[:HIGHLIGHTS_MAX])


def _apart(marks: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order; of two that overlap, the first and longest stays (`aa口` has two kinds)."""
    kept: list[tuple[int, int]] = []
    for start, end in sorted(marks, key=lambda mark: (mark[0], -mark[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def _tells(word: str) -> bool:
    return word not in STOP_WORDS and (len(word) >= _SHORTEST or not word.isalpha())


def _stem(word: str) -> str:
    return _ENDING.sub("", word)


def _pairs(runs: Sequence[str], text: str) -> list[tuple[int, int]]:
    """Stretches of a script without blanks that share two characters in a row with the query."""
    pairs = {run[at : at + 2] for run in runs for at in range(len(run) - 1)}
    if not pairs:
        return []
    held = [at for at in range(len(text) - 1) if text[at : at + 2] in pairs]
    stretches: list[tuple[int, int]] = []
    for at in held:
        if stretches and at <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], at + 2)
        else:
            stretches.append((at, at + 2))
    return stretches
