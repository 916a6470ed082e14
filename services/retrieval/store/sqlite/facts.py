"""What filters look at, one row a value: tags, the time of creation, metadata as terms."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime

from services.retrieval.models.document import Version
from services.retrieval.models.filter import epoch_ms
from services.retrieval.store.metadata_terms import terms

TABLE = """
CREATE TABLE facts (
  version INTEGER NOT NULL,
  field TEXT NOT NULL,
  value NOT NULL,
  PRIMARY KEY (version, field, value)
) WITHOUT ROWID;
"""
_ADD = "INSERT OR IGNORE INTO facts VALUES (?, ?, ?)"
_OLD_COLUMNS = ("created_at", "tags", "metadata")


def add_facts(connection: sqlite3.Connection, version_id: int, version: Version) -> None:
    rows = ((version_id, field, value) for field, value in _facts(version))
    connection.executemany(_ADD, rows)


def drop_facts(connection: sqlite3.Connection, version_id: int) -> None:
    connection.execute("DELETE FROM facts WHERE version = ?", (version_id,))


def take_over(connection: sqlite3.Connection) -> None:
    """From schema 2, where these were columns of `versions` that nothing could look up."""
    old = connection.execute(
        "SELECT id, document_id, ordinal, created_at, tags, metadata FROM versions"
    ).fetchall()
    for version_id, document_id, ordinal, created_at, tags, metadata in old:
        made = datetime.fromisoformat(created_at)
        version = Version(
            "", document_id, ordinal, "", "", made, tuple(json.loads(tags)), json.loads(metadata)
        )
        add_facts(connection, version_id, version)
    for column in _OLD_COLUMNS:
        connection.execute(f"ALTER TABLE versions DROP COLUMN {column}")


def _facts(version: Version) -> Iterator[tuple[str, str | int]]:
    yield "created_at", epoch_ms(version.created_at)
    yield from (("tags", tag) for tag in version.tags)
    yield from (("metadata", term) for term in terms(version.metadata))
