"""What a model read in passages, by content: what was paid once is not paid again."""

from collections.abc import Sequence

from sqlalchemy import text

from services.ingestion.models.extraction import Extraction
from services.ingestion.models.stored import EXTRACTION, as_json
from services.ingestion.store.database import Database

_GET = "SELECT key, answer FROM extractions WHERE key = ANY(CAST(:keys AS bytea[]))"

_PUT = """
INSERT INTO extractions (key, document_id, answer) VALUES (:key, :document_id, :answer)
ON CONFLICT DO NOTHING"""

# The estimate costs nothing; above the cap the oldest go.
_COUNT = "SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = 'extractions'::regclass"
_PRUNE = """
DELETE FROM extractions
WHERE key IN (SELECT key FROM extractions ORDER BY made_at LIMIT :surplus)"""


class Extractions:
    """Answers by key; None for an answer that was of no use. All raise Unavailable."""

    def __init__(self, database: Database, cap: int) -> None:
        self._database, self._cap = database, cap

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, Extraction | None]:
        async with self._database.transaction() as connection:
            rows = await connection.execute(text(_GET), {"keys": list(keys)})
            return {row.key: EXTRACTION.validate_json(row.answer) for row in rows}

    async def put(self, document_id: str, key: bytes, extraction: Extraction | None) -> None:
        """The entry goes with the document that paid for it."""
        values = {
            "key": key,
            "document_id": document_id,
            "answer": as_json(EXTRACTION, extraction),
        }
        async with self._database.transaction() as connection:
            await connection.execute(text(_PUT), values)

    async def prune(self) -> int:
        """Removes the oldest above the cap; how many."""
        async with self._database.transaction() as connection:
            count = (await connection.execute(text(_COUNT))).scalar_one()
            surplus = int(count) - self._cap
            if surplus <= 0:
                return 0
            return (await connection.execute(text(_PRUNE), {"surplus": surplus})).rowcount
