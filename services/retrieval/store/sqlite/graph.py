"""Names in the SQLite file: which passages name them, which are about them, one step between."""

import json
import sqlite3
from collections.abc import Sequence

from services.retrieval.models.filter import Scope
from services.retrieval.models.graph import QUESTION, Link, Place, Subject, Support
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.store.sqlite.scoping import JOINS, Bounds, resolve

# Counting stops here: a name this frequent links weakly, and a few more would change little.
COUNTED_MAX = 100
# Comes after every other character, so a name begins with a text when it is below text + LAST.
LAST = "\U0010ffff"
_ADD_NAMES = "INSERT OR IGNORE INTO names (tenant, name) SELECT ?, value FROM json_each(?)"
_ADD_EDGES = """
INSERT OR IGNORE INTO {table}
SELECT n.id, ? FROM json_each(?) wanted CROSS JOIN names n ON n.tenant = ? AND n.name = wanted.value
"""
_OF_VERSION = """
SELECT e.name FROM passages p CROSS JOIN {table} e ON e.passage = p.id WHERE p.version = ?
"""
_REMOVE_EDGES = "DELETE FROM {table} WHERE passage IN (SELECT id FROM passages WHERE version = ?)"
_REMOVE_UNSUPPORTED = """
DELETE FROM names WHERE id IN (SELECT value FROM json_each(?))
  AND NOT EXISTS (SELECT 1 FROM mentions m WHERE m.name = names.id)
  AND NOT EXISTS (SELECT 1 FROM abouts a WHERE a.name = names.id)
"""


def add_names(
    connection: sqlite3.Connection, tenant: int, first: int, passages: Sequence[IndexedPassage]
) -> None:
    """`first` is the row id of the first passage; the others follow it."""
    names = {name for p in passages for name in (*p.mentions, *p.about)}
    connection.execute(_ADD_NAMES, (tenant, json.dumps(sorted(names))))
    for at, p in enumerate(passages, first):
        for table, found in (("mentions", p.mentions), ("abouts", p.about)):
            if found:
                values = (at, json.dumps(found), tenant)
                connection.execute(_ADD_EDGES.format(table=table), values)


def remove_names(connection: sqlite3.Connection, version: int) -> int:
    """What this version added and no other supports; its passages must still be there.

    Returns how many names are gone.
    """
    names: set[int] = set()
    for table in ("mentions", "abouts"):
        found = connection.execute(_OF_VERSION.format(table=table), (version,))
        names.update(row[0] for row in found)
        connection.execute(_REMOVE_EDGES.format(table=table), (version,))
    return connection.execute(_REMOVE_UNSUPPORTED, (json.dumps(sorted(names)),)).rowcount


def links(
    connection: sqlite3.Connection, scope: Scope, seeds: Sequence[str], max_owners: int
) -> list[Link]:
    bounds = resolve(connection, scope)
    if bounds is None:
        return []
    values = (json.dumps(list(seeds)), *bounds.values * 4)
    rows = connection.execute(_links(bounds, max_owners), values)
    return [Link(*row) for row in rows]


def _links(bounds: Bounds, max_owners: int) -> str:
    """From the seeds to the owners of what they name; both counts see the scope alone."""
    visible = f"{JOINS} WHERE {bounds.where}"
    named_by = _count("mentions", visible, COUNTED_MAX)
    owners = _count("abouts", visible, max_owners + 1)
    return f"""
    WITH seeds AS MATERIALIZED (
      SELECT p.id, p.passage_id FROM json_each(?) wanted
      CROSS JOIN passages p ON p.passage_id = wanted.value {visible}
    ), named AS MATERIALIZED (
      SELECT DISTINCT m.name AS name FROM seeds CROSS JOIN mentions m ON m.passage = seeds.id
      WHERE EXISTS (SELECT 1 FROM abouts a WHERE a.name = m.name)
    ), entities AS MATERIALIZED (
      SELECT name, {named_by} AS named_by FROM named WHERE {owners} BETWEEN 1 AND {max_owners}
    )
    SELECT seeds.passage_id, n.name, p.passage_id, v.document_id, v.ordinal, entities.named_by
    FROM entities
    CROSS JOIN names n ON n.id = entities.name
    CROSS JOIN seeds
    CROSS JOIN mentions m ON m.name = entities.name AND m.passage = seeds.id
    CROSS JOIN abouts a ON a.name = entities.name AND a.passage != seeds.id
    CROSS JOIN passages p ON p.id = a.passage {visible}
    """


def owners(
    connection: sqlite3.Connection, scope: Scope, names: Sequence[str], max_owners: int
) -> list[Link]:
    bounds = resolve(connection, scope)
    if bounds is None:
        return []
    values = (json.dumps(list(names)), bounds.tenant, *bounds.values * 3)
    rows = connection.execute(_owners(bounds, max_owners), values)
    return [Link(QUESTION, *row) for row in rows]


def _owners(bounds: Bounds, max_owners: int) -> str:
    visible = f"{JOINS} WHERE {bounds.where}"
    named_by = _count("mentions", visible, COUNTED_MAX)
    owners = _count("abouts", visible, max_owners + 1)
    return f"""
    WITH named AS MATERIALIZED (
      SELECT n.id AS name FROM json_each(?) wanted
      CROSS JOIN names n ON n.tenant = ? AND n.name = wanted.value
      WHERE EXISTS (SELECT 1 FROM abouts a WHERE a.name = n.id)
    ), entities AS MATERIALIZED (
      SELECT name, {named_by} AS named_by FROM named WHERE {owners} BETWEEN 1 AND {max_owners}
    )
    SELECT n.name, p.passage_id, v.document_id, v.ordinal, entities.named_by
    FROM entities
    CROSS JOIN names n ON n.id = entities.name
    CROSS JOIN abouts a ON a.name = entities.name
    CROSS JOIN passages p ON p.id = a.passage {visible}
    """


def places(connection: sqlite3.Connection, scope: Scope, name: str, most: int) -> list[Place]:
    bounds = resolve(connection, scope)
    if bounds is None:
        return []
    values = (bounds.tenant, name, *bounds.values * 2)
    rows = connection.execute(_places(bounds, most), values)
    return [Place(at, of, ordinal, bool(a), bool(m)) for at, of, ordinal, a, m in rows]


def _places(bounds: Bounds, most: int) -> str:
    """UNION leaves a passage out that both halves have."""
    leading = [
        f"SELECT * FROM (SELECT p.id, p.passage_id, v.document_id, v.ordinal FROM wanted "
        f"CROSS JOIN {table} e ON e.name = wanted.id CROSS JOIN passages p ON p.id = e.passage "
        f"{JOINS} WHERE {bounds.where} LIMIT {most})"
        for table in ("abouts", "mentions")
    ]
    told = [
        f"EXISTS (SELECT 1 FROM {table} e WHERE e.name = wanted.id AND e.passage = found.id)"
        for table in ("abouts", "mentions")
    ]
    return f"""
    WITH wanted AS MATERIALIZED (SELECT id FROM names WHERE tenant = ? AND name = ?)
    SELECT passage_id, document_id, ordinal, {", ".join(told)}
    FROM wanted CROSS JOIN ({" UNION ".join(leading)}) found
    """


def subjects(
    connection: sqlite3.Connection, scope: Scope, passage_ids: Sequence[str], max_owners: int
) -> list[Subject]:
    bounds = resolve(connection, scope)
    if bounds is None:
        return []
    values = (json.dumps(list(passage_ids)), *bounds.values * 3)
    rows = connection.execute(_subjects(bounds, max_owners), values)
    return [Subject(*row) for row in rows]


def _subjects(bounds: Bounds, max_owners: int) -> str:
    visible = f"{JOINS} WHERE {bounds.where}"
    named_by = _count("mentions", visible, COUNTED_MAX)
    owners = _count("abouts", visible, max_owners + 1)
    return f"""
    WITH told AS MATERIALIZED (
      SELECT p.id, p.passage_id FROM json_each(?) wanted
      CROSS JOIN passages p ON p.passage_id = wanted.value {visible}
    ), named AS MATERIALIZED (
      SELECT DISTINCT a.name AS name FROM told CROSS JOIN abouts a ON a.passage = told.id
    ), entities AS MATERIALIZED (
      SELECT name, {named_by} AS named_by FROM named WHERE {owners} <= {max_owners}
    )
    SELECT told.passage_id, n.name, entities.named_by
    FROM told
    CROSS JOIN abouts a ON a.passage = told.id
    CROSS JOIN entities ON entities.name = a.name
    CROSS JOIN names n ON n.id = entities.name
    """


def supports(
    connection: sqlite3.Connection, scope: Scope, beginnings: Sequence[str], most: int
) -> list[Support]:
    bounds = resolve(connection, scope)
    if bounds is None:
        return []
    found: list[Support] = []
    for beginning in beginnings:
        values = (*bounds.values * 2, bounds.tenant, beginning, beginning + LAST)
        rows = connection.execute(_supports(bounds, most), values)
        found += [Support(*row) for row in rows]
    return found


def _supports(bounds: Bounds, most: int) -> str:
    """One version a name will do, as every version in scope is shown here."""
    first = [
        f"(SELECT v.id FROM {table} e CROSS JOIN passages p ON p.id = e.passage {JOINS} "
        f"WHERE e.name = n.id AND {bounds.where} LIMIT 1)"
        for table in ("abouts", "mentions")
    ]
    return f"""
    WITH found AS (
      SELECT n.name, coalesce({", ".join(first)}) AS version
      FROM names n WHERE n.tenant = ? AND n.name >= ? AND n.name < ?
    )
    SELECT found.name, v.document_id, v.ordinal
    FROM found CROSS JOIN versions v ON v.id = found.version LIMIT {most}
    """


def _count(table: str, visible: str, most: int) -> str:
    """How many passages in scope lead to `named.name`, counted up to `most`."""
    return (
        f"(SELECT count(*) FROM (SELECT 1 FROM {table} e CROSS JOIN passages p ON p.id = e.passage "
        f"{visible} AND e.name = named.name LIMIT {most}))"
    )
