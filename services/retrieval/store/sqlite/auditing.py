"""What the SQLite file holds of each document, and what is left of passages that are gone."""

import json
import sqlite3
from itertools import groupby
from operator import itemgetter

from services.retrieval.models.document import Head
from services.retrieval.models.holding import Held, HeldVersion, Page
from services.retrieval.store.sqlite.schema import TENANT_SHIFT
from services.retrieval.store.sqlite.scoping import tenant_number

_PAGE = "document_id > ?2"
_GIVEN = "document_id IN (SELECT value FROM json_each(?2))"
_HELD = """
WITH wanted AS MATERIALIZED (
  SELECT document_id FROM heads WHERE tenant = ?1 AND {which}
  UNION SELECT document_id FROM versions WHERE tenant = ?1 AND {which}
  ORDER BY 1 LIMIT ?3
)
SELECT w.document_id, h.ordinal, h.live, v.ordinal,
  (SELECT count(*) FROM passages p WHERE p.version = v.id),
  (SELECT count(*) FROM (
    SELECT m.name FROM passages p JOIN mentions m ON m.passage = p.id WHERE p.version = v.id
    UNION SELECT a.name FROM passages p JOIN abouts a ON a.passage = p.id WHERE p.version = v.id))
FROM wanted w
LEFT JOIN heads h ON h.tenant = ?1 AND h.document_id = w.document_id
LEFT JOIN versions v ON v.tenant = ?1 AND v.document_id = w.document_id
ORDER BY w.document_id, v.ordinal
"""
_STRAY_LINKS = """
FROM {table} WHERE passage BETWEEN ? AND ?
  AND NOT EXISTS (SELECT 1 FROM passages p WHERE p.id = {table}.passage)
"""
_STRAY_NAMES = """
FROM names WHERE tenant = ?
  AND NOT EXISTS (SELECT 1 FROM mentions m WHERE m.name = names.id)
  AND NOT EXISTS (SELECT 1 FROM abouts a WHERE a.name = names.id)
"""


def holdings(connection: sqlite3.Connection, tenant: str, page: Page) -> list[Held]:
    which, value = (_GIVEN, json.dumps(page.ids)) if page.ids else (_PAGE, page.after)
    values = (tenant_number(connection, tenant), value, len(page.ids) or page.limit)
    rows = connection.execute(_HELD.format(which=which), values).fetchall()
    return [_held(of, [*group]) for of, group in groupby(rows, key=itemgetter(0))]


def _held(document_id: str, rows: list[tuple[str, int, int, int, int, int]]) -> Held:
    _, ordinal, live, *_ = rows[0]
    head = None if ordinal is None else Head(ordinal, bool(live))
    versions = tuple(HeldVersion(*row[3:]) for row in rows if row[3] is not None)
    return Held(document_id, head, versions)


def strays(connection: sqlite3.Connection, tenant: str, remove: bool) -> int:
    """How many links and names lead nowhere; removed, if so."""
    number = tenant_number(connection, tenant)
    if number is None:
        return 0
    rows = (number << TENANT_SHIFT, ((number + 1) << TENANT_SHIFT) - 1)
    links = [(_STRAY_LINKS.format(table=table), rows) for table in ("mentions", "abouts")]
    found = 0
    for where, values in (*links, (_STRAY_NAMES, (number,))):
        if remove:
            found += connection.execute(f"DELETE {where}", values).rowcount
        else:
            found += int(connection.execute(f"SELECT count(*) {where}", values).fetchone()[0])
    return found
