"""A question as an FTS5 expression: its words without stop words, joined by OR."""

from services.retrieval.models.typed_query import STOP_WORDS, read_query, words_of

# A pasted page is a query too: past this many different words the rest adds time, not meaning.
MAX_WORDS = 64


def words(query: str) -> list[str]:
    """The different words of a query in their order; empty for stop words and punctuation only."""
    return [word for word in dict.fromkeys(words_of(query)) if word not in STOP_WORDS][:MAX_WORDS]


def match_expression(query: str) -> str:
    """Every word is quoted, so that nothing in a query is syntax; empty when no word is left.

    Required phrases are joined by AND, others and identifiers are one more thing to find.
    """
    typed = read_query(query)
    either = " OR ".join(f'"{word}"' for word in words(query))
    if typed.strict:
        return " AND ".join([*map(_phrase, typed.phrases), *([f"({either})"] if either else ())])
    parts = [part for part in (*typed.phrases, *typed.identifiers) if len(words_of(part)) > 1]
    return " OR ".join(filter(None, [either, *dict.fromkeys(map(_phrase, parts))]))


def _phrase(text: str) -> str:
    return f'"{" ".join(words_of(text))}"'
