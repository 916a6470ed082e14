"""What the words of an answer tell: whether it refuses, and whether what it cites holds them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_CITATIONS = re.compile(r"((?:\s*\[\d{1,4}\])+)")
_NUMBER_IN_BRACKETS = re.compile(r"\[(\d{1,4})\]")
_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+")
_ARTICLES = frozenset(("a", "an", "the"))
# Of a statement's words of four letters and more, so many must stand in what it cites.
_LEAST_OVERLAP = 0.6
_CONTENT_LENGTH = 4
# How an answer says that it has none, in English and German.
_REFUSAL = re.compile(
    r"(?i)\b(?:do(?:es)?|did)(?: not|n't) (?:answer|say|tell|contain|mention|state|cover|hold)"
    r"|\bfound nothing\b|\bno (?:information|answer|mention)\b|\bcan(?:not|'t) (?:answer|find|tell)"
    r"|\bnot (?:stated|mentioned|specified|answered|covered)\b"
    r"|\b(?:beantworten|enthalten|sagen)\b.*\bnicht\b|\bkeine (?:angabe|information|antwort)"
)


@dataclass(frozen=True)
class Statement:
    """A part of an answer up to its citations; none at its end."""

    text: str
    cited: tuple[int, ...]


def refuses(answer: str, cited: Sequence[int]) -> bool:
    """It cites nothing, and says that it has no answer."""
    return not cited and (not answer.strip() or bool(_REFUSAL.search(answer)))


def lexical_support(answer: str, texts: Mapping[int, str]) -> float | None:
    """The share of statements that what they cite holds, by words; None without a statement.

    `texts` holds the sources by their number.
    """
    supported = [_supported(one, texts) for one in _statements(answer)]
    return sum(supported) / len(supported) if supported else None


def without_citations(answer: str) -> str:
    return _CITATIONS.sub(" ", answer)


def normalised(text: str) -> tuple[str, ...]:
    """Words and numbers in lower case without articles; 1,240 and 1240 are the same."""
    words = (word.lower() for word in _WORD.findall(text))
    kept = (word for word in words if word not in _ARTICLES)
    return tuple(re.sub(r",(?=\d{3}(?!\d))", "", word) for word in kept)


def holds(given: Sequence[str], right: Sequence[str]) -> bool:
    """Whether the right words stand together in the given ones."""
    size = len(right)
    return any(given[n : n + size] == right for n in range(len(given) - size + 1))


def _statements(answer: str) -> Iterator[Statement]:
    parts = _CITATIONS.split(answer)
    for n in range(0, len(parts), 2):
        marks = parts[n + 1] if n + 1 < len(parts) else ""
        if _WORD.search(parts[n]):
            numbers = tuple(int(one) for one in _NUMBER_IN_BRACKETS.findall(marks))
            yield Statement(parts[n], numbers)


def _supported(statement: Statement, texts: Mapping[int, str]) -> bool:
    if not statement.cited:
        return False
    passage = set(normalised(" ".join(texts.get(n, "") for n in statement.cited)))
    said = set(normalised(statement.text))
    if any(word[0].isdigit() and word not in passage for word in said):
        return False
    words = {word for word in said if len(word) >= _CONTENT_LENGTH and not word[0].isdigit()}
    return len(words & passage) >= _LEAST_OVERLAP * len(words)
