"""Vectors by content: what was embedded once is not embedded again, also after a crash."""

from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import text

from services.ingestion.store.database import Database
from shared.grouping import Grouping

_GET = "SELECT key, vector FROM vectors WHERE key = ANY(CAST(:keys AS bytea[]))"

_PUT = """
INSERT INTO vectors (key, document_id, vector)
SELECT * FROM unnest(CAST(:keys AS bytea[]), CAST(:documents AS text[]),
    CAST(:vectors AS bytea[])) AS v(key, document_id, vector)
ORDER BY 1
ON CONFLICT DO NOTHING"""

# The estimate costs nothing; above the cap the oldest go.
_COUNT = "SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = 'vectors'::regclass"
_PRUNE = """
DELETE FROM vectors WHERE key IN (SELECT key FROM vectors ORDER BY made_at LIMIT :surplus)"""


def key_of(tenant: str, model: str, embedded_text: str) -> bytes:
    """Tenants share nothing, not even the knowledge that somebody has the same text."""
    return sha256(f"{tenant}\0{model}\0{embedded_text}".encode()).digest()


class Vectors:
    """Little-endian float16 vectors by key."""

    def __init__(self, database: Database, cap: int) -> None:
        self._database, self._cap = database, cap
        self.get = Grouping(self._get)
        self.put = Grouping(self._put)

    async def _get(self, wanted: Sequence[Sequence[bytes]]) -> list[dict[bytes, bytes]]:
        keys = [key for group in wanted for key in group]
        async with self._database.transaction() as connection:
            rows = await connection.execute(text(_GET), {"keys": keys})
            found = {row.key: row.vector for row in rows}
        return [{key: found[key] for key in group if key in found} for group in wanted]

    async def _put(self, made: Sequence[tuple[str, dict[bytes, bytes]]]) -> list[None]:
        """Of (document id, vectors by key)."""
        rows = {
            key: (document, vector) for document, group in made for key, vector in group.items()
        }
        values = {
            "keys": list(rows),
            "documents": [document for document, _ in rows.values()],
            "vectors": [vector for _, vector in rows.values()],
        }
        async with self._database.transaction() as connection:
            await connection.execute(text(_PUT), values)
        return [None] * len(made)

    async def prune(self) -> int:
        """Removes the oldest above the cap; how many."""
        async with self._database.transaction() as connection:
            count = (await connection.execute(text(_COUNT))).scalar_one()
            surplus = int(count) - self._cap
            if surplus <= 0:
                return 0
            return (await connection.execute(text(_PRUNE), {"surplus": surplus})).rowcount
