"""Where entities' names stand in a text, as the text writes them."""

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from operator import itemgetter

from contracts.ingestion.entity_name import Word, fold_word, words_of
from contracts.retrieval.graph import Mark

# Between two words of a name stands a blank, a hyphen, or `'s ` at most.
_GAP_MAX = 3


def marks(text: str, names: Iterable[str]) -> tuple[Mark, ...]:
    """In order; names that lie in one another are each marked. `names` are folded."""
    wanted = _by_first_word(names)
    words = list(_words(text))
    return tuple(
        _mark(text, " ".join(name), word.start, words[at + len(name) - 1].end)
        for at, word in enumerate(words)
        for name in wanted.get(word.folded, ())
        if _stands(name, words[at : at + len(name)])
    )


def _mark(text: str, name: str, start: int, end: int) -> Mark:
    """With the bracket that closes a qualifier: `Mercury (planet)`."""
    opened = text.count("(", start, end) > text.count(")", start, end)
    return Mark(name=name, start=start, end=end + (opened and text[end : end + 1] == ")"))


def _by_first_word(names: Iterable[str]) -> dict[str, list[tuple[str, ...]]]:
    split = sorted(tuple(name.split()) for name in names)
    return {first: list(group) for first, group in groupby(split, key=itemgetter(0))}


def _words(text: str) -> Iterator[Word]:
    """As ingestion folds them, but with their places in the text as it is."""
    for word in words_of(text):
        possessive = word.raw == "s" and text[word.start - 1 : word.start] in ("'", "’")
        if not (possessive and word.start):
            yield word._replace(folded=fold_word(unicodedata.normalize("NFKC", word.raw)))


def _stands(name: tuple[str, ...], words: list[Word]) -> bool:
    if tuple(word.folded for word in words) != name:
        return False
    gaps = (after.start - before.end for before, after in pairwise(words))
    return all(gap <= _GAP_MAX for gap in gaps)
