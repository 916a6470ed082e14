"""Reads from the SQLite file; each function runs on a connection that no other thread uses."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import numpy as np

from services.retrieval.models.document import Head
from services.retrieval.models.filter import Scope
from services.retrieval.models.passage import FoundPassage, Passage, Scored
from services.retrieval.models.typed_query import read_query, unspaced, words_of
from services.retrieval.store.sqlite.matching import match_expression, mended_expression
from services.retrieval.store.sqlite.scoping import JOINS, Bounds, resolve, tenant_number
from services.retrieval.store.sqlite.vectors import Ids, Row, Vectors

# Pairs of characters of a query that are looked for.
PAIRS_MAX = 16
# A word in the title counts as twice in the text (columns `title`, `text`).
_RANK = "bm25(2.0, 1.0)"
_COLUMNS = """
p.passage_id, p.n, p.title, p.text, p.start, p."end", p.page, p.headings, p.language,
v.document_id, v.ordinal, v.name
"""


def rows_by_tenant(connection: sqlite3.Connection) -> Iterator[tuple[int, Iterator[Row]]]:
    """Every vector, for the start; a tenant's row ids are one range, so id order groups them."""
    rows = connection.execute(
        "SELECT v.tenant, p.id, v.id, v.audience, h.live AND h.ordinal = v.ordinal, p.vector "
        "FROM passages p JOIN versions v ON v.id = p.version LEFT JOIN heads h "
        "ON h.tenant = v.tenant AND h.document_id = v.document_id ORDER BY p.id"
    )
    for tenant, group in groupby(rows, key=itemgetter(0)):
        yield tenant, (_vector(*row) for row in group)


def bm25(connection: sqlite3.Connection, scope: Scope, query: str, k: int) -> list[Scored]:
    """By words; where none is found, by pairs of characters (scripts without blanks between words),
    then by the nearest known words.
    """
    bounds = resolve(connection, scope)
    if bounds is None:
        return []
    found = _matching(connection, bounds, match_expression(connection, query), k)
    if not found and unspaced(query):
        found = _by_pairs(connection, bounds, query, k)
    if not found and not read_query(query).strict:
        found = _matching(connection, bounds, mended_expression(connection, query), k)
    return found


def _matching(
    connection: sqlite3.Connection, bounds: Bounds, expression: str, k: int
) -> list[Scored]:
    if not expression:
        return []
    # FTS5 ranks within the tenant's range of row ids; CROSS JOIN keeps its order, so that the
    # conditions are looked up only until k rows have met them.
    rows = connection.execute(
        "SELECT p.passage_id, v.document_id, v.ordinal, -words.rank "
        f"FROM words CROSS JOIN passages p ON p.id = words.rowid {JOINS}"
        f"WHERE words MATCH ? AND words.rank MATCH '{_RANK}' "
        f"AND words.rowid BETWEEN ? AND ? AND {bounds.where} "
        "ORDER BY words.rank LIMIT ?",
        (expression, bounds.first_row, bounds.last_row, *bounds.values, k),
    )
    return [Scored(*row) for row in rows]


def _by_pairs(connection: sqlite3.Connection, bounds: Bounds, query: str, k: int) -> list[Scored]:
    """By the number of the query's pairs of neighbouring characters that stand in title or text."""
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


def _pairs(query: str) -> Iterator[str]:
    for run in words_of(query):
        if unspaced(run):
            yield from (run[at : at + 2] for at in range(max(1, len(run) - 1)))


def dense(
    connection: sqlite3.Connection, vectors: Vectors, scope: Scope, vector: Sequence[float], k: int
) -> list[Scored]:
    bounds = resolve(connection, scope)
    if bounds is None:
        return []
    audiences = np.array(bounds.audiences, np.int64)
    question = np.asarray(vector, np.float32)
    versions = _versions(connection, bounds) if scope.filter else None
    nearest = vectors.nearest(bounds.tenant, question, audiences, versions, k)
    names = _names(connection, [row for row, _ in nearest])
    # A row may be removed between the two reads.
    return [Scored(*names[row], score) for row, score in nearest if row in names]


def heads(
    connection: sqlite3.Connection, tenant: str, document_ids: Sequence[str]
) -> dict[str, Head]:
    rows = connection.execute(
        "SELECT document_id, ordinal, live FROM heads WHERE tenant = ? "
        "AND document_id IN (SELECT value FROM json_each(?))",
        (tenant_number(connection, tenant), json.dumps(list(document_ids))),
    )
    return {document_id: Head(ordinal, bool(live)) for document_id, ordinal, live in rows}


def passages(
    connection: sqlite3.Connection, tenant: str, passage_ids: Sequence[str]
) -> dict[str, FoundPassage]:
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM passages p CROSS JOIN versions v ON v.id = p.version "
        "WHERE p.passage_id IN (SELECT value FROM json_each(?)) AND v.tenant = ?",
        (json.dumps(list(passage_ids)), tenant_number(connection, tenant)),
    )
    return {row[0]: _found(row) for row in rows}


def passage(connection: sqlite3.Connection, scope: Scope, passage_id: str) -> FoundPassage | None:
    bounds = resolve(connection, scope)
    if bounds is None:
        return None
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM passages p {JOINS} WHERE p.passage_id = ? AND {bounds.where}",
        (passage_id, *bounds.values),
    ).fetchone()
    return _found(row) if row else None


def audience(connection: sqlite3.Connection, scope: Scope) -> set[str]:
    rows = connection.execute(
        "SELECT DISTINCT principal FROM members "
        "WHERE tenant = ? AND principal IN (SELECT value FROM json_each(?))",
        (tenant_number(connection, scope.tenant), json.dumps(scope.visible_to)),
    )
    return {row[0] for row in rows}


def _versions(connection: sqlite3.Connection, bounds: Bounds) -> Ids:
    rows = connection.execute(f"SELECT v.id FROM versions v WHERE {bounds.where}", bounds.values)
    return np.array([row[0] for row in rows], np.int64)


def _names(connection: sqlite3.Connection, rows: Sequence[int]) -> dict[int, tuple[str, str, int]]:
    found = connection.execute(
        "SELECT p.id, p.passage_id, v.document_id, v.ordinal FROM passages p "
        "JOIN versions v ON v.id = p.version WHERE p.id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(rows)),),
    )
    return {row[0]: row[1:] for row in found}


def _vector(_tenant: int, id: int, version: int, audience: int, shown: Any, vector: bytes) -> Row:
    return Row(id, version, audience, bool(shown), vector)


def _found(row: tuple[Any, ...]) -> FoundPassage:
    headings = tuple(json.loads(row[7]))
    passage_id, n, title, text, start, end, page = row[:7]
    passage = Passage(passage_id, n, title, text, start, end, page, headings, row[8])
    return FoundPassage(passage, *row[9:])
