"""Names in the SQLite file: which passages name them, which are about them, one step between."""

import json
import sqlite3
from collections.abc import Sequence

from services.retrieval.models.link import Link
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.models.scope import Scope
from services.retrieval.store.sqlite.scoping import JOINS, Bounds, resolve

# Counting stops here: a name this frequent links weakly, and a few more would change little.
COUNTED_MAX = 100
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


def drop_names(connection: sqlite3.Connection, version: int) -> None:
    """What this version added and no other supports; its passages must still be there."""
    names: set[int] = set()
    for table in ("mentions", "abouts"):
        found = connection.execute(_OF_VERSION.format(table=table), (version,))
        names.update(row[0] for row in found)
        connection.execute(_REMOVE_EDGES.format(table=table), (version,))
    connection.execute(_REMOVE_UNSUPPORTED, (json.dumps(sorted(names)),))


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


def _count(table: str, visible: str, most: int) -> str:
    """How many passages in scope lead to `named.name`, counted up to `most`."""
    return (
        f"(SELECT count(*) FROM (SELECT 1 FROM {table} e CROSS JOIN passages p ON p.id = e.passage "
        f"{visible} AND e.name = named.name LIMIT {most}))"
    )
