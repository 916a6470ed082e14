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
# In groups of four, as people write them; one without blanks is a code like others.
_IBAN = re.compile(r"(?<![^\W_])[A-Z]{2}\d{2}(?: [A-Z\d]{4}){2,7}(?: [A-Z\d]{1,3})?(?![^\W_])")
# A number with its unit or ending: 1990s, 500mg, 100th.
_MEASURE = re.compile(r"\d+[a-z]{1,3}")
_DIGIT = re.compile(r"\d")
# Scripts without blanks between words: a run of their characters is more than one word.
UNSPACED_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_UNSPACED = re.compile(f"[{UNSPACED_SCRIPTS}]")


@dataclass(frozen=True, slots=True)
class TypedQuery:
    """`strict`: the phrases must stand in every passage found, word for word.

    `runs` are what a store looks for beside the single words: phrases, and identifiers as they may
    be spelt.
    """

    phrases: tuple[str, ...]
    identifiers: tuple[str, ...]
    strict: bool
    runs: tuple[str, ...] = ()


def words_of(text: str) -> list[str]:
    """In lower case; `-`, `_`, `.` and the like separate words."""
    return _WORD.findall(unicodedata.normalize("NFC", text).lower())


@lru_cache(maxsize=256)
def read_query(text: str) -> TypedQuery:
    quoted = [match.group(1) for match in _QUOTED.finditer(text)]
    phrases = tuple(dict.fromkeys(phrase for phrase in quoted if words_of(phrase)))[:PARTS_MAX]
    outside = _QUOTED.sub(" ", text)
    ibans = [match[0] for match in _IBAN.finditer(outside) if _is_iban(match[0])]
    rest = _IBAN.sub(" ", outside) if ibans else outside
    joined = [token for token in _JOINED.findall(rest) if _is_identifier(token)]
    codes = [token for token in _WORD.findall(_JOINED.sub(" ", rest)) if _is_code(token)]
    identifiers = tuple(dict.fromkeys((*ibans, *joined, *codes)))[:PARTS_MAX]
    free = _WORD.findall(outside)
    strict = bool(phrases) and len(free) <= FREE_WORDS_MAX
    return TypedQuery(phrases, identifiers, strict, _runs(text, phrases, identifiers))


def _runs(text: str, phrases: tuple[str, ...], identifiers: tuple[str, ...]) -> tuple[str, ...]:
    """Each run of words once, without those that are a single word of the query anyway."""
    spelt = [one for identifier in identifiers for one in spellings(identifier)]
    by_words = {tuple(words_of(one)): one for one in (*phrases, *spelt)}
    single = {(word,) for word in words_of(text)}
    return tuple(one for words, one in by_words.items() if words not in single)


def unspaced(text: str) -> bool:
    return _UNSPACED.search(text) is not None


def stands_in(part: str, text: str) -> bool:
    """Whether the same words stand in the text in the same order, letter case aside."""
    wanted = words_of(part)
    if unspaced(part):
        return "".join(wanted) in "".join(words_of(text))
    return f" {' '.join(wanted)} " in f" {' '.join(words_of(text))} "


def spellings(identifier: str) -> tuple[str, ...]:
    """As it is typed, without its signs if it has a letter, and an IBAN in groups of four."""
    compact = "".join(words_of(identifier))
    spelt = [identifier] if compact.isdigit() else [identifier, compact]
    if _is_iban(compact):
        spelt.append(" ".join(compact[at : at + 4] for at in range(0, len(compact), 4)))
    by_words = {tuple(words_of(one)): one for one in reversed(spelt)}
    return tuple(reversed(by_words.values()))


def holds(identifier: str, text: str) -> bool:
    """Whether it stands in the text in one of its spellings."""
    return any(stands_in(one, text) for one in spellings(identifier))


def _is_iban(text: str) -> bool:
    """By its check digits (ISO 13616: the number, its first four signs last, is 1 modulo 97)."""
    compact = "".join(words_of(text))
    if not (compact.isascii() and compact[:2].isalpha() and 15 <= len(compact) <= 34):
        return False
    return int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 == 1


def _is_code(word: str) -> bool:
    """KB5034441, 0x80070005, HX177, 4711001234; but not 2024, 1990s, H1N1 or p53."""
    digits = len(_DIGIT.findall(word))
    if digits == len(word):
        return digits >= 8
    return digits >= 3 and _MEASURE.fullmatch(word) is None


def _is_identifier(token: str) -> bool:
    """INC-2025-014, v1.2.3, err_404; but not 3.5, IL-6 or 20-year-old."""
    if not re.search(r"[^\W\d_]", token) and len(words_of(token)) < 3:
        return False
    numbered = sum(bool(_DIGIT.search(word)) for word in words_of(token))
    return numbered > 1 or (numbered == 1 and ("_" in token or len(_DIGIT.findall(token)) > 2))
