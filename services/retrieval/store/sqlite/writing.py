"""Writes to the SQLite file; each function runs inside one transaction of the writer's thread."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.retrieval.models.document import Head, Removed, Version
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.store.sqlite.graph import add_names, remove_names
from services.retrieval.store.sqlite.schema import (
    EVERYONE,
    TENANT_SHIFT,
    add_facts,
    remove_facts,
)
from services.retrieval.store.sqlite.scoping import tenant_number
from services.retrieval.store.sqlite.vectors import Row

_INSERT_VERSION = """
INSERT INTO versions (tenant, document_id, ordinal, name, media_type, audience)
VALUES (?, ?, ?, ?, ?, ?)
"""
_INSERT_PASSAGE = "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_REMOVE_WORDS = """
INSERT INTO words (words, rowid, title, text)
SELECT 'delete', id, title, text FROM passages WHERE version = ?
"""
_MOVE_HEAD = """
INSERT INTO heads VALUES (?, ?, ?, ?) ON CONFLICT (tenant, document_id)
DO UPDATE SET ordinal = excluded.ordinal, live = excluded.live
"""
_OUTDATED = """
SELECT v.id FROM versions v JOIN heads h ON h.tenant = v.tenant AND h.document_id = v.document_id
WHERE v.tenant = ? AND v.document_id = ?
  AND (v.ordinal < h.ordinal OR (v.ordinal = h.ordinal AND NOT h.live))
"""


@dataclass(frozen=True, slots=True)
class HeadMove:
    """What a change of head means for the vectors: versions to hide, and one to show."""

    tenant: int
    hide: tuple[int, ...]
    show: int | None


@dataclass(frozen=True, slots=True)
class Gone:
    """The tenant's number, the ids of the versions removed, and what that took."""

    tenant: int
    versions: list[int]
    removed: Removed


def add_version(
    connection: sqlite3.Connection, version: Version, passages: Sequence[IndexedPassage]
) -> tuple[int, list[Row]]:
    """The tenant's number, and the rows added: none when the version is there already."""
    tenant = _tenant(connection, version.tenant)
    if _version_id(connection, tenant, version.document_id, version.ordinal) is not None:
        return tenant, []
    audience = _audience(connection, tenant, version.visibility)
    version_id = _insert_version(connection, tenant, version, audience)
    first = _reserve(connection, tenant, len(passages))
    head = head_of(connection, tenant, version.document_id)
    shown = head is not None and head.shows(version.ordinal)
    connection.executemany(_INSERT_PASSAGE, _passage_rows(first, version_id, passages))
    connection.executemany(
        "INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)",
        ((first + at, p.passage.title, p.passage.text) for at, p in enumerate(passages)),
    )
    add_names(connection, tenant, first, passages)
    return tenant, [
        Row(first + at, version_id, audience, shown, p.vector) for at, p in enumerate(passages)
    ]


def set_head(
    connection: sqlite3.Connection, tenant_name: str, document_id: str, wanted: Head
) -> HeadMove | None:
    """Compare-and-set; None when the head outdates what is wanted, or says more already."""
    tenant = _tenant(connection, tenant_name)
    head = head_of(connection, tenant, document_id)
    if head is not None and (head.outdates(wanted.ordinal) or head == wanted):
        return None
    connection.execute(_MOVE_HEAD, (tenant, document_id, wanted.ordinal, wanted.live))
    return HeadMove(
        tenant,
        hide=tuple(_hidden(connection, tenant, document_id, wanted)),
        show=_version_id(connection, tenant, document_id, wanted.ordinal) if wanted.live else None,
    )


def remove_outdated(connection: sqlite3.Connection, tenant_name: str, document_id: str) -> Gone:
    tenant = _tenant(connection, tenant_name)
    versions = [row[0] for row in connection.execute(_OUTDATED, (tenant, document_id))]
    removed = (remove_version(connection, version) for version in versions)
    return Gone(tenant, versions, sum(removed, Removed()))


def remove_one(
    connection: sqlite3.Connection, tenant_name: str, document_id: str, ordinal: int
) -> Gone:
    tenant = _tenant(connection, tenant_name)
    version = _version_id(connection, tenant, document_id, ordinal)
    if version is None:
        return Gone(tenant, [], Removed())
    return Gone(tenant, [version], remove_version(connection, version))


def versions_of(connection: sqlite3.Connection, tenant_name: str) -> tuple[int, list[int]]:
    """The tenant's number and the ids of its versions; the number is 0 for an unknown tenant."""
    tenant = tenant_number(connection, tenant_name)
    if tenant is None:
        return 0, []
    rows = connection.execute("SELECT id FROM versions WHERE tenant = ?", (tenant,))
    return tenant, [row[0] for row in rows]


def forget_tenant(connection: sqlite3.Connection, tenant: int) -> bool:
    """What is left of a tenant without versions; False, and nothing is done, when it has some."""
    if connection.execute("SELECT 1 FROM versions WHERE tenant = ?", (tenant,)).fetchone():
        return False
    for table in ("heads", "members", "audiences", "names"):
        connection.execute(f"DELETE FROM {table} WHERE tenant = ?", (tenant,))
    connection.execute("DELETE FROM tenants WHERE id = ?", (tenant,))
    return True


def remove_version(connection: sqlite3.Connection, version: int) -> Removed:
    # The full-text index keeps no text of its own: it must be told what to remove.
    connection.execute(_REMOVE_WORDS, (version,))
    names = remove_names(connection, version)
    passages = connection.execute("DELETE FROM passages WHERE version = ?", (version,)).rowcount
    remove_facts(connection, version)
    connection.execute("DELETE FROM versions WHERE id = ?", (version,))
    return Removed(passages, names)


def head_of(connection: sqlite3.Connection, tenant: int, document_id: str) -> Head | None:
    row = connection.execute(
        "SELECT ordinal, live FROM heads WHERE tenant = ? AND document_id = ?",
        (tenant, document_id),
    ).fetchone()
    return Head(row[0], bool(row[1])) if row else None


def head_is(
    connection: sqlite3.Connection, tenant_name: str, document_id: str, wanted: Head
) -> bool:
    return head_of(connection, _tenant(connection, tenant_name), document_id) == wanted


def count_passages(connection: sqlite3.Connection, tenant: int, version: Version) -> int:
    version_id = _version_id(connection, tenant, version.document_id, version.ordinal)
    row = connection.execute("SELECT count(*) FROM passages WHERE version = ?", (version_id,))
    return int(row.fetchone()[0])


def _tenant(connection: sqlite3.Connection, name: str) -> int:
    number = tenant_number(connection, name)
    if number is not None:
        return number
    inserted = connection.execute("INSERT INTO tenants (name, next_passage) VALUES (?, 0)", (name,))
    assert inserted.lastrowid is not None
    return inserted.lastrowid


def _audience(connection: sqlite3.Connection, tenant: int, visibility: Sequence[str] | None) -> int:
    """Equal sets of principals share one id."""
    principals = [EVERYONE] if visibility is None else sorted(set(visibility))
    key = (tenant, json.dumps(principals))
    found = connection.execute("SELECT id FROM audiences WHERE (tenant, principals) = (?, ?)", key)
    if row := found.fetchone():
        return int(row[0])
    audience = connection.execute(
        "INSERT INTO audiences (tenant, principals) VALUES (?, ?)", key
    ).lastrowid
    assert audience is not None
    connection.executemany(
        "INSERT INTO members VALUES (?, ?, ?)", ((tenant, name, audience) for name in principals)
    )
    return audience


def _insert_version(
    connection: sqlite3.Connection, tenant: int, version: Version, audience: int
) -> int:
    values = (
        tenant,
        version.document_id,
        version.ordinal,
        version.name,
        version.media_type,
        audience,
    )
    inserted = connection.execute(_INSERT_VERSION, values).lastrowid
    assert inserted is not None
    add_facts(connection, inserted, version)
    return inserted


def _reserve(connection: sqlite3.Connection, tenant: int, count: int) -> int:
    """The first of `count` row ids in the tenant's range; an id is never given twice."""
    row = connection.execute(
        "UPDATE tenants SET next_passage = next_passage + ? WHERE id = ? RETURNING next_passage",
        (count, tenant),
    ).fetchone()
    return (tenant << TENANT_SHIFT) + int(row[0]) - count


def _passage_rows(
    first: int, version: int, passages: Sequence[IndexedPassage]
) -> Iterator[tuple[object, ...]]:
    for at, indexed in enumerate(passages):
        p = indexed.passage
        headings = json.dumps(p.headings)
        place = (p.start, p.end, p.page, headings, p.language)
        yield (first + at, version, p.n, p.passage_id, p.title, p.text, *place, indexed.vector)


def _version_id(
    connection: sqlite3.Connection, tenant: int, document_id: str, ordinal: int
) -> int | None:
    row = connection.execute(
        "SELECT id FROM versions WHERE tenant = ? AND document_id = ? AND ordinal = ?",
        (tenant, document_id, ordinal),
    ).fetchone()
    return row[0] if row else None


def _hidden(
    connection: sqlite3.Connection, tenant: int, document_id: str, head: Head
) -> Iterator[int]:
    rows = connection.execute(
        "SELECT id, ordinal FROM versions WHERE tenant = ? AND document_id = ?",
        (tenant, document_id),
    )
    return (version for version, ordinal in rows if not head.shows(ordinal))
