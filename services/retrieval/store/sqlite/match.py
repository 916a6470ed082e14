"""A question as an FTS5 expression: its words without stop words, joined by OR."""

import re
import unicodedata

# Lucene's English stop words, the same 33 that OpenSearch's english analyzer leaves out.
# fmt: off
STOP_WORDS = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it",
    "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they",
    "this", "to", "was", "will", "with",
))
# fmt: on
# A pasted page is a query too: past this many different words the rest adds time, not meaning.
MAX_WORDS = 64
_WORD = re.compile(r"[^\W_]+")


def words(query: str) -> list[str]:
    """The different words of a query in their order; empty for stop words and punctuation only."""
    found = _WORD.findall(unicodedata.normalize("NFC", query).lower())
    return [word for word in dict.fromkeys(found) if word not in STOP_WORDS][:MAX_WORDS]


def match_expression(query: str) -> str:
    """Every word is quoted, so that nothing in a query is syntax; empty when no word is left."""
    return " OR ".join(f'"{word}"' for word in words(query))
