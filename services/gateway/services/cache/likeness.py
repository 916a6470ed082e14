"""When two questions that read alike may not share an answer, whatever their embeddings say.

The words are English: a question in another language shares its answer with the same words only.
"""

import re
from collections import Counter
from dataclasses import dataclass

from services.gateway.services.cache.likeness_words import (
    CONTRASTS,
    DIRECTIONS,
    FILLERS,
    KINDS,
    MODALITIES,
    NEGATIONS,
    NUMBERS,
    SYNONYMS,
)

_TOKEN = re.compile(r"[^\W_]+(?:['’.,:/-][^\W_]+)*|[€$£¥%°]")
_POSSESSED = re.compile(
    r"\b([\w'-]+(?:\s+[\w'-]+)?)\s+of\s+(?:(?:the|a|an|my|our|your)\s+)?([\w'-]+)"
)
_AUXILIARY = re.compile(
    r"^(?:is|are|was|were|am|can|could|may|might|must|should|shall|do|does|did|has|have|had|will"
    r"|would)\b"
)
_SUFFIXES = (
    "ations",
    "ation",
    "ments",
    "ment",
    "ings",
    "ing",
    "ies",
    "ied",
    "ers",
    "ed",
    "es",
    "er",
    "s",
    "e",
    "y",
)
_STEM_MIN = 3


@dataclass(frozen=True)
class Question:
    """What of a question's words decides: `order` are the stems of what it is about."""

    kind: str
    numbers: frozenset[str]
    names: frozenset[str]
    words: frozenset[str]
    negations: int
    contrasts: frozenset[tuple[int, str]]
    modality: frozenset[str]
    content: Counter[str]
    order: tuple[str, ...]
    directed: bool
    english: bool


def read(text: str) -> Question:
    tokens = _TOKEN.findall(text.replace("’", "'"))
    lowered = [token.lower() for token in tokens]
    plain = " ".join(lowered)
    words = [word for one in lowered for word in _parts(one)]
    order = [_stem(word) for word in _ordered(plain) if _counts(word)]
    sides = {word: _sides(word) for word in words}
    return Question(
        kind=_kind(plain),
        numbers=frozenset(_number(word) for word in words if _is_number(word)),
        names=frozenset(word for token in _named(tokens) for word in _parts(token.lower())),
        words=frozenset(words),
        negations=sum(_negates(word) for word in lowered),
        contrasts=frozenset(side for found in sides.values() for side in found),
        modality=frozenset(MODALITIES[word] for word in words if word in MODALITIES),
        content=Counter(_stem(word) for word in words if _counts(word) and not sides[word]),
        order=tuple(order),
        directed=any(word in DIRECTIONS for word in words),
        english=any(word in FILLERS for word in words) and all(one.isascii() for one in words),
    )


def may_share(one: Question, other: Question) -> bool:
    """False when numbers, names, negations, kinds of question, contrasts or roles differ.

    Also when one is about more than the other, or a single word stands in another one's place:
    embeddings hardly tell "the red lamp" from "the blue lamp".
    """
    if not (one.english and other.english):
        return False
    same = (
        one.kind == other.kind
        and one.numbers == other.numbers
        and one.negations == other.negations
        and one.contrasts == other.contrasts
        and one.names <= other.words
        and other.names <= one.words
        and not (one.modality and other.modality and one.modality.isdisjoint(other.modality))
    )
    return same and _same_matter(one, other)


def _same_matter(one: Question, other: Question) -> bool:
    left, right = one.content - other.content, other.content - one.content
    if left or right:
        return bool(left and right) and left.total() + right.total() > 2
    if one.order == other.order:
        return True
    directed = one.directed or other.directed
    return sorted(one.order) == sorted(other.order) and not (directed or _swapped(one, other))


def _swapped(one: Question, other: Question) -> bool:
    """Whether two change places, as whoever acts and whoever is acted upon do."""
    places = [
        n for n, pair in enumerate(zip(one.order, other.order, strict=True)) if len({*pair}) > 1
    ]
    return len(places) == 2


def _sides(word: str) -> set[tuple[int, str]]:
    """Where the word, or else its stem, stands against others."""
    stem = _stem(word) if word not in FILLERS else word
    return {
        (n, line[form])
        for n, line in enumerate(CONTRASTS)
        if (form := word if word in line else stem) in line
    }


def _parts(token: str) -> list[str]:
    """Numbers stay whole; words are parted at hyphens and apostrophes."""
    if any(letter.isdigit() for letter in token):
        return [token]
    return [part for part in re.split(r"['./:,-]", token) if part]


def _is_number(word: str) -> bool:
    return any(letter.isdigit() for letter in word) or word in NUMBERS


def _number(word: str) -> str:
    plain = NUMBERS.get(word) or word.replace(",", "").removesuffix(".00")
    return re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", plain)


def _named(tokens: list[str]) -> list[str]:
    """Words that are written like names. A sentence's first word is one when it shouts."""
    found = [
        one for one in tokens[1:] if one[:1].isupper() and one != "I" and not one.startswith("I'")
    ]
    first = tokens[:1]
    return found + [one for one in first if sum(letter.isupper() for letter in one) > 1]


def _negates(word: str) -> bool:
    return word in NEGATIONS or word.endswith("n't")


def _kind(plain: str) -> str:
    for kind, pattern in KINDS:
        if re.search(pattern, plain):
            return kind
    return "whether" if _AUXILIARY.match(plain) else "what"


def _ordered(plain: str) -> list[str]:
    """The words, with `the colour of the lamp` as `lamp colour`."""
    turned = _POSSESSED.sub(r"\2 \1", plain)
    return [part for token in turned.split() for part in _parts(token)]


def _counts(word: str) -> bool:
    return word not in FILLERS and not _is_number(word) and not _negates(word) and len(word) > 1


def _stem(word: str) -> str:
    """Crude on purpose: it only has to treat forms of one word alike."""
    if word in SYNONYMS:
        return SYNONYMS[word]
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _STEM_MIN:
            cut = word[: -len(suffix)]
            return SYNONYMS.get(cut, cut)
    return word
