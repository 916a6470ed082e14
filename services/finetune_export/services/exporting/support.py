"""Whether an answer says what its sources say, by their words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_SENTENCE = re.compile(r"(?<=[.!?\]])\s+|\n+")
_CITATION = re.compile(r"\[(\d{1,4})\]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CONTENT = re.compile(r"[^\W\d_]{4,}")
# Of a statement's content words, so many must stand in what it cites. Negations escape this test.
_LEAST_OVERLAP = 0.3


def is_supported(answer: str, sources: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each statement with a citation shares its numbers and words with what it cites."""
    texts = {source["n"]: source["text"].lower() for source in sources}
    for statement in _SENTENCE.split(answer):
        cited = [int(n) for n in _CITATION.findall(statement)]
        if not cited:
            continue
        passage = " ".join(texts.get(n, "") for n in cited)
        said = _CITATION.sub("", statement).lower()
        if any(number not in passage for number in _NUMBER.findall(said)):
            return False
        words = set(_CONTENT.findall(said))
        if words and len([word for word in words if word in passage]) < _LEAST_OVERLAP * len(words):
            return False
    return True
