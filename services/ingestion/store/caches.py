"""Caches by content, above whose cap the oldest rows go: vectors, and what a model has read."""

from collections.abc import Mapping, Sequence

from services.ingestion.models.parsed import Extraction
from services.ingestion.models.stored import EXTRACTION, as_json
from services.ingestion.store.database import Database
from shared.grouping import Grouping


class Vectors:
    """Implements services.ports.VectorCache."""

    def __init__(self, database: Database, cap: int) -> None:
        self._database, self._cap = database, cap
        self._wanted = Grouping(self._get)
        self._made = Grouping(self._put)

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        return await self._wanted.add(keys)

    async def put(self, document_id: str, vectors: Mapping[bytes, bytes]) -> None:
        await self._made.add((document_id, vectors))

    async def prune(self) -> int:
        return await _prune(self._database, "vectors", self._cap)

    async def _get(self, wanted: Sequence[Sequence[bytes]]) -> list[dict[bytes, bytes]]:
        keys = [key for group in wanted for key in group]
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(
                "SELECT key, vector FROM vectors WHERE key = ANY(CAST(:keys AS bytea[]))",
                {"keys": keys},
            )
            found = {row.key: row.vector for row in rows}
        return [{key: found[key] for key in group if key in found} for group in wanted]

    _PUT = """
INSERT INTO vectors (key, document_id, vector)
SELECT * FROM unnest(CAST(:keys AS bytea[]), CAST(:documents AS text[]),
    CAST(:vectors AS bytea[])) AS v(key, document_id, vector)
ORDER BY 1
ON CONFLICT DO NOTHING"""

    async def _put(self, made: Sequence[tuple[str, Mapping[bytes, bytes]]]) -> list[None]:
        rows = {
            key: (document, vector) for document, group in made for key, vector in group.items()
        }
        values = {
            "keys": list(rows),
            "documents": [document for document, _ in rows.values()],
            "vectors": [vector for _, vector in rows.values()],
        }
        async with self._database.transaction() as transaction:
            await transaction.execute(self._PUT, values)
        return [None] * len(made)


class Extractions:
    """Implements services.ports.ExtractionCache."""

    def __init__(self, database: Database, cap: int) -> None:
        self._database, self._cap = database, cap

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, Extraction | None]:
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(
                "SELECT key, answer FROM extractions WHERE key = ANY(CAST(:keys AS bytea[]))",
                {"keys": list(keys)},
            )
            return {row.key: EXTRACTION.validate_json(row.answer) for row in rows}

    _PUT = """
INSERT INTO extractions (key, document_id, answer) VALUES (:key, :document_id, :answer)
ON CONFLICT DO NOTHING"""

    async def put(self, document_id: str, key: bytes, extraction: Extraction | None) -> None:
        answer = as_json(EXTRACTION, extraction)
        values = {"key": key, "document_id": document_id, "answer": answer}
        async with self._database.transaction() as transaction:
            await transaction.execute(self._PUT, values)

    async def prune(self) -> int:
        return await _prune(self._database, "extractions", self._cap)


async def _prune(database: Database, table: str, cap: int) -> int:
    """Removes the oldest rows above the cap, by PostgreSQL's estimate, which costs nothing."""
    async with database.transaction() as transaction:
        count = await transaction.execute(
            f"SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = '{table}'::regclass"
        )
        surplus = int(count.scalar_one()) - cap
        if surplus <= 0:
            return 0
        oldest = f"SELECT key FROM {table} ORDER BY made_at LIMIT :surplus"
        removed = await transaction.execute(
            f"DELETE FROM {table} WHERE key IN ({oldest})", {"surplus": surplus}
        )
        return removed.rowcount
