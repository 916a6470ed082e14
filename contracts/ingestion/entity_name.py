"""An entity's name in the manifest: folded, so that passages and those who ask meet on it."""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

FOLDED_MAX = 80
_WORD = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"['’]s\b")
_MARKS = ("\u0300", "\u036f")
# fmt: off
ARTICLES = frozenset(("the", "a", "an"))
# They name nothing however they are capitalised: sentences begin with them.
FUNCTION_WORDS = frozenset((
    "a", "after", "all", "also", "although", "an", "and", "are", "as", "at", "be", "been",
    "before", "but", "by", "can", "do", "does", "during", "each", "few", "for", "from", "had",
    "has", "have", "he", "her", "here", "his", "how", "however", "i", "if", "in", "into", "is",
    "it", "its", "many", "may", "more", "most", "no", "not", "of", "on", "one", "or", "other",
    "our", "she", "since", "some", "such", "than", "that", "the", "their", "then", "there",
    "these", "they", "this", "those", "to", "two", "under", "until", "was", "we", "were",
    "what", "when", "where", "which", "while", "who", "why", "will", "with", "you", "your",
))
# fmt: on


class Word(NamedTuple):
    """A word of a text; `folded` is what is compared."""

    raw: str
    folded: str
    start: int
    end: int


def normal(text: str) -> str:
    """NFKC without possessives; the words and folds of this module are taken from it."""
    return _POSSESSIVE.sub("", unicodedata.normalize("NFKC", text))


def words_of(text: str) -> list[Word]:
    """Runs of letters and digits, in order."""
    return [Word(m[0], fold_word(m[0]), m.start(), m.end()) for m in _WORD.finditer(text)]


@lru_cache(100_000)
def fold_word(word: str) -> str:
    """Case folded, and without the accents that some write and others leave out."""
    folded = word.casefold()
    if folded.isascii():
        return folded
    decomposed = unicodedata.normalize("NFD", folded)
    plain = "".join(c for c in decomposed if not _MARKS[0] <= c <= _MARKS[1])
    return unicodedata.normalize("NFC", plain)


def joined(folded: list[str]) -> str:
    """Folded words as one name, without a leading article; empty when it is none.

    A name has 2 to `FOLDED_MAX` characters and is more than numbers and function words.
    """
    if len(folded) > 1 and folded[0] in ARTICLES:
        folded = folded[1:]
    name = " ".join(folded)
    if not 2 <= len(name) <= FOLDED_MAX:
        return ""
    if all(word in FUNCTION_WORDS or word.isdigit() for word in folded):
        return ""
    return name


def fold(name: str) -> str:
    """`The  Café's Menu` is `cafe menu`; empty for what is no name."""
    return joined([fold_word(word) for word in _WORD.findall(normal(name))])
