"""The SQLite file: its name, its tables, and the check that it was made for this model."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from services.retrieval.models.document import Version
from services.retrieval.models.embedding_space import EmbeddingSpace, OtherEmbeddingSpace
from services.retrieval.models.filter import epoch_ms
from services.retrieval.store.metadata_terms import terms

SCHEMA_VERSION = 3
# A tenant's passages have the row ids tenant << 40 … : its part of the full-text index is a range.
TENANT_SHIFT = 40
# A member of the audience of passages whose visibility is not limited, and of every scope.
EVERYONE = "*"
CACHE_KIB = 64 * 1024

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tenants (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  next_passage INTEGER NOT NULL
);
CREATE TABLE audiences (
  id INTEGER PRIMARY KEY,
  tenant INTEGER NOT NULL,
  principals TEXT NOT NULL,
  UNIQUE (tenant, principals)
);
CREATE TABLE members (
  tenant INTEGER NOT NULL,
  principal TEXT NOT NULL,
  audience INTEGER NOT NULL,
  PRIMARY KEY (tenant, principal, audience)
) WITHOUT ROWID;
CREATE TABLE heads (
  tenant INTEGER NOT NULL,
  document_id TEXT NOT NULL,
  ordinal INTEGER NOT NULL,
  live INTEGER NOT NULL,
  PRIMARY KEY (tenant, document_id)
) WITHOUT ROWID;
CREATE TABLE versions (
  id INTEGER PRIMARY KEY,
  tenant INTEGER NOT NULL,
  document_id TEXT NOT NULL,
  ordinal INTEGER NOT NULL,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  audience INTEGER NOT NULL,
  UNIQUE (tenant, document_id, ordinal)
);
CREATE TABLE passages (
  id INTEGER PRIMARY KEY,
  version INTEGER NOT NULL,
  n INTEGER NOT NULL,
  passage_id TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  start INTEGER NOT NULL,
  "end" INTEGER NOT NULL,
  page INTEGER,
  headings TEXT NOT NULL,
  language TEXT,
  vector BLOB NOT NULL,
  UNIQUE (version, n)
);
CREATE INDEX passages_by_passage_id ON passages (passage_id);
CREATE VIRTUAL TABLE words USING fts5 (
  title, text, content='passages', content_rowid='id', tokenize='porter unicode61'
);
"""

# Since schema 2. Passages that were indexed before get their names when they are ingested again.
_GRAPH_TABLES = """
CREATE TABLE names (
  id INTEGER PRIMARY KEY,
  tenant INTEGER NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (tenant, name)
);
CREATE TABLE mentions (
  name INTEGER NOT NULL,
  passage INTEGER NOT NULL,
  PRIMARY KEY (name, passage)
) WITHOUT ROWID;
CREATE INDEX mentions_by_passage ON mentions (passage);
CREATE TABLE abouts (
  name INTEGER NOT NULL,
  passage INTEGER NOT NULL,
  PRIMARY KEY (name, passage)
) WITHOUT ROWID;
CREATE INDEX abouts_by_passage ON abouts (passage);
"""

# Since schema 3: what filters look at, one row a value.
_FACTS_TABLE = """
CREATE TABLE facts (
  version INTEGER NOT NULL,
  field TEXT NOT NULL,
  value NOT NULL,
  PRIMARY KEY (version, field, value)
) WITHOUT ROWID;
"""
_OLD_COLUMNS = ("created_at", "tags", "metadata")


def file_for(folder: Path, space: EmbeddingSpace) -> Path:
    """One file for each model and dimension, so that another model never meets foreign vectors."""
    return folder / f"search-{space.slug}.db"


def require_filled(path: Path) -> None:
    """Raises OtherEmbeddingSpace when the file would be new beside those of other models.

    All that they hold would be missing from it.
    """
    if not path.exists() and (others := _others(path)):
        raise OtherEmbeddingSpace(
            f"{path.parent} holds {', '.join(other.name for other in others)}, but the settings "
            f"want {path.name}: `python -m services.retrieval.rebuild` with these settings makes "
            "and fills it; or set the embedding model that was used"
        )


def remove_others(path: Path) -> list[str]:
    """The files of other models; their names."""
    others = _others(path)
    for other in others:
        for file in path.parent.glob(f"{other.stem}.*"):
            file.unlink()
    return [other.name for other in others]


def _others(path: Path) -> list[Path]:
    return sorted(other for other in path.parent.glob("search-*.db") if other != path)


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit, for use by one thread at a time."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    # In WAL mode NORMAL keeps the file consistent; what a power cut loses, the queue sends again.
    connection.executescript(
        f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-{CACHE_KIB};"
    )
    return connection


def prepare(connection: sqlite3.Connection, path: Path, space: EmbeddingSpace) -> None:
    """Makes the tables in a new file. Raises OtherEmbeddingSpace for a file made for another."""
    if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        _create(connection, space)
    found = dict(connection.execute("SELECT key, value FROM meta"))
    if found["schema"] == "1":
        found["schema"] = _add_graph(connection)
    if found["schema"] == "2":
        found["schema"] = _add_facts(connection)
    wanted = _meta(space)
    if found != wanted:
        raise OtherEmbeddingSpace(
            f"{path} was made for {found}, but the settings want {wanted}: move the file away and "
            "run `python -m services.retrieval.rebuild`, or set the embedding model it was made for"
        )


def _create(connection: sqlite3.Connection, space: EmbeddingSpace) -> None:
    connection.executescript(f"BEGIN; {_TABLES} {_GRAPH_TABLES} {_FACTS_TABLE}")
    connection.executemany("INSERT INTO meta VALUES (?, ?)", _meta(space).items())
    connection.execute("COMMIT")


def _add_graph(connection: sqlite3.Connection) -> str:
    connection.executescript(
        f"BEGIN; {_GRAPH_TABLES} UPDATE meta SET value = '2' WHERE key = 'schema'; COMMIT"
    )
    return "2"


def _add_facts(connection: sqlite3.Connection) -> str:
    connection.executescript(f"BEGIN; {_FACTS_TABLE}")
    _move_facts(connection)
    connection.execute("UPDATE meta SET value = '3' WHERE key = 'schema'")
    connection.execute("COMMIT")
    return "3"


def _move_facts(connection: sqlite3.Connection) -> None:
    """From schema 2, where the facts were columns of `versions` without an index."""
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


def _meta(space: EmbeddingSpace) -> dict[str, str]:
    return {
        "schema": str(SCHEMA_VERSION),
        "model": space.model,
        "dimension": str(space.dimension),
    }


def add_facts(connection: sqlite3.Connection, version_id: int, version: Version) -> None:
    """Tags, the time of creation, and the metadata as terms."""
    rows = ((version_id, field, value) for field, value in _facts(version))
    connection.executemany("INSERT OR IGNORE INTO facts VALUES (?, ?, ?)", rows)


def _facts(version: Version) -> Iterator[tuple[str, str | int]]:
    yield "created_at", epoch_ms(version.created_at)
    yield from (("parents", parent) for parent in version.parents)
    yield from (("tags", tag) for tag in version.tags)
    yield from (("metadata", term) for term in terms(version.metadata))


def remove_facts(connection: sqlite3.Connection, version_id: int) -> None:
    connection.execute("DELETE FROM facts WHERE version = ?", (version_id,))
