"""A second try where the words of a query find nothing: slips of the keyboard, unspaced scripts."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from time import monotonic

from services.retrieval.models.scored import Scored
from services.retrieval.models.typed_query import unspaced, words_of
from services.retrieval.store.sqlite.match import words
from services.retrieval.store.sqlite.scoping import JOINS, Bounds

# (letters of a word, slips in it that are mended), most first.
MENDED = ((8, 2), (4, 1))
WORDS_MAX, TERMS_MAX, PAIRS_MAX = 8, 20, 16
BUDGET_S = 0.05
# Over all tenants, as BM25's statistics are; what is found with its terms is the tenant's alone.
_VOCABULARY = "CREATE VIRTUAL TABLE IF NOT EXISTS temp.terms USING fts5vocab(main, words, row)"
# A stemmer is not to be had otherwise: this table never holds more than one query.
_STEMMER = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.typed USING fts5 (word, tokenize='porter unicode61')",
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.stems USING fts5vocab(temp, typed, instance)",
)
_NEAR = (
    "SELECT term FROM temp.terms "
    "WHERE term >= ? AND term < ? AND length(term) BETWEEN ? AND ? AND term != ?"
)


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


def by_pairs(connection: sqlite3.Connection, bounds: Bounds, query: str, k: int) -> list[Scored]:
    """By how many pairs of neighbouring characters of unspaced runs stand in title or text."""
    pairs = list(islice(dict.fromkeys(_pairs(query)), PAIRS_MAX))
    if not pairs:
        return []
    score = " + ".join(["(instr(p.title || ' ' || p.text, ?) > 0)"] * len(pairs))
    rows = connection.execute(
        f"SELECT p.passage_id, v.document_id, v.ordinal, {score} AS held FROM passages p {JOINS} "
        f"WHERE p.id BETWEEN ? AND ? AND {bounds.where} AND held > 0 "
        "ORDER BY held DESC, p.id LIMIT ?",
        (*pairs, bounds.first_row, bounds.last_row, *bounds.values, k),
    )
    return [
        Scored(passage, document, ordinal, float(held)) for passage, document, ordinal, held in rows
    ]


def slips_between(one: str, other: str) -> int:
    """Letters left out, put in, changed, or swapped with the next (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


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
        # Each slip changes at most two letters of the set: most terms need no closer look.
        if len(set(term) ^ set(stem)) <= 2 * slips and (n := slips_between(stem, term)) <= slips:
            near.append((n, term))
    least = min(near, default=(0, ""))[0]
    return [term for n, term in sorted(near) if n == least][:TERMS_MAX]


def _next(letter: str) -> str:
    return chr(min(ord(letter) + 1, 0x10FFFF))


def _pairs(query: str) -> Iterator[str]:
    for run in words_of(query):
        if unspaced(run):
            yield from (run[at : at + 2] for at in range(max(1, len(run) - 1)))
