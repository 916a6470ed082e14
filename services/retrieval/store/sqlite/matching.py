"""A query as an FTS5 expression: its words, and where they find nothing the nearest known words."""

import sqlite3
from collections.abc import Sequence
from time import monotonic

from rapidfuzz.distance import OSA

from services.retrieval.models.typed_query import STOP_WORDS, read_query, unspaced, words_of

# A pasted page is a query too: more different words than this add time, not meaning.
MAX_WORDS = 64
# (letters of a word, slips in it that are mended), most first.
MENDED = ((8, 2), (4, 1))
WORDS_MAX, TERMS_MAX = 8, 20
BUDGET_S = 0.05
# Terms of all tenants, like BM25's statistics; the search itself stays within the tenant.
_VOCABULARY = "CREATE VIRTUAL TABLE IF NOT EXISTS temp.terms USING fts5vocab(main, words, row)"
# The index's own stemmer, which FTS5 offers in no other way. The table holds one query at a time.
_STEMMER = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.typed USING fts5 (word, tokenize='porter unicode61')",
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.stems USING fts5vocab(temp, typed, instance)",
)
_NEAR = (
    "SELECT term FROM temp.terms "
    "WHERE term >= ? AND term < ? AND length(term) BETWEEN ? AND ? AND term != ?"
)


def words(query: str) -> list[str]:
    """The different words of a query in their order; empty for stop words and punctuation only."""
    return [word for word in dict.fromkeys(words_of(query)) if word not in STOP_WORDS][:MAX_WORDS]


def match_expression(connection: sqlite3.Connection, query: str) -> str:
    """Every word is quoted, so that nothing in a query is syntax; empty when no word is left.

    A word that comes again, in whatever form, counts once, as in OpenSearch's analyzer.
    Required phrases are joined by AND; other phrases, and identifiers, by OR.
    """
    typed = read_query(query)
    typed_words = words(query)
    first = dict(zip(reversed(_stems(connection, typed_words)), reversed(typed_words), strict=True))
    either = " OR ".join(f'"{word}"' for word in reversed(first.values()))
    if typed.strict:
        return " AND ".join([*map(_phrase, typed.phrases), *([f"({either})"] if either else ())])
    return " OR ".join(filter(None, [either, *map(_phrase, typed.runs)]))


def _phrase(text: str) -> str:
    return f'"{" ".join(words_of(text))}"'


def mended_expression(connection: sqlite3.Connection, query: str) -> str:
    """The nearest known words in place of the query's, joined by OR; empty when none is near."""
    connection.execute(_VOCABULARY)
    until = monotonic() + BUDGET_S
    typed = [word for word in words(query) if _slips(word) and not unspaced(word)][:WORDS_MAX]
    found = (
        term
        for word, stem in zip(typed, _stems(connection, typed), strict=True)
        for term in _nearest(connection, stem, _slips(word), until)
    )
    return " OR ".join(f'"{term}"' for term in dict.fromkeys(found))


def _slips(word: str) -> int:
    return next((slips for letters, slips in MENDED if len(word) >= letters), 0)


def _stems(connection: sqlite3.Connection, typed: Sequence[str]) -> list[str]:
    for statement in _STEMMER:
        connection.execute(statement)
    connection.execute("DELETE FROM temp.typed")
    connection.executemany(
        "INSERT INTO temp.typed (rowid, word) VALUES (?, ?)", enumerate(typed, 1)
    )
    stems = dict(connection.execute("SELECT doc, term FROM temp.stems"))
    return [stems.get(n, word) for n, word in enumerate(typed, 1)]


def _nearest(connection: sqlite3.Connection, stem: str, slips: int, until: float) -> list[str]:
    """The terms with the fewest slips; a word's first letter is taken to be right."""
    first = stem[0]
    near: list[tuple[int, str]] = []
    lengths = (len(stem) - slips, len(stem) + slips)
    for (term,) in connection.execute(_NEAR, (first, _next(first), *lengths, stem)):
        if monotonic() > until:
            break
        if (n := OSA.distance(stem, term, score_cutoff=slips)) <= slips:
            near.append((n, term))
    least = min(near, default=(0, ""))[0]
    return [term for n, term in sorted(near) if n == least][:TERMS_MAX]


def _next(letter: str) -> str:
    return chr(min(ord(letter) + 1, 0x10FFFF))
