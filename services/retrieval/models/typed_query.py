"""A query as people type it: what stands in quotes, what looks like an identifier."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# Lucene's English stop words, the same 33 that OpenSearch's english analyzer leaves out.
# fmt: off
STOP_WORDS = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it",
    "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they",
    "this", "to", "was", "will", "with",
))
# fmt: on
# In a longer sentence quotes mark a title or a saying, which is not required of a hit.
FREE_WORDS_MAX = 3
PARTS_MAX = 8
_WORD = re.compile(r"[^\W_]+")
_QUOTED = re.compile(r"(?<![^\s(\[])[\"“„«]([^\"“”„«»]{1,200})[\"”“»](?![^\W_])")
_JOINED = re.compile(r"[^\W_]+(?:[-._:#][^\W_]+)+")
_DIGIT = re.compile(r"\d")
# Scripts without blanks between words: a run of their characters is more than one word.
UNSPACED_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_UNSPACED = re.compile(f"[{UNSPACED_SCRIPTS}]")


@dataclass(frozen=True, slots=True)
class TypedQuery:
    """`strict`: the phrases must stand in every passage found, word for word."""

    phrases: tuple[str, ...]
    identifiers: tuple[str, ...]
    strict: bool


def words_of(text: str) -> list[str]:
    """In lower case; `-`, `_`, `.` and the like separate words."""
    return _WORD.findall(unicodedata.normalize("NFC", text).lower())


@lru_cache(maxsize=256)
def read_query(text: str) -> TypedQuery:
    quoted = [match.group(1) for match in _QUOTED.finditer(text)]
    phrases = tuple(dict.fromkeys(phrase for phrase in quoted if words_of(phrase)))[:PARTS_MAX]
    outside = _QUOTED.sub(" ", text)
    joined = [token for token in _JOINED.findall(outside) if _is_identifier(token)]
    identifiers = tuple(dict.fromkeys(joined))[:PARTS_MAX]
    free = _WORD.findall(outside)
    return TypedQuery(phrases, identifiers, bool(phrases) and len(free) <= FREE_WORDS_MAX)


def unspaced(text: str) -> bool:
    return _UNSPACED.search(text) is not None


def stands_in(part: str, text: str) -> bool:
    """Whether the same words stand in the text in the same order, letter case aside."""
    wanted = words_of(part)
    if unspaced(part):
        return "".join(wanted) in "".join(words_of(text))
    return f" {' '.join(wanted)} " in f" {' '.join(words_of(text))} "


def _is_identifier(token: str) -> bool:
    """INC-2025-014, v1.2.3, err_404; but not 3.5, IL-6 or 20-year-old."""
    if not re.search(r"[^\W\d_]", token) and len(words_of(token)) < 3:
        return False
    numbered = sum(bool(_DIGIT.search(word)) for word in words_of(token))
    return numbered > 1 or (numbered == 1 and ("_" in token or len(_DIGIT.findall(token)) > 2))
