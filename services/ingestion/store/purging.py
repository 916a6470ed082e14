"""What deleted and replaced versions left, and marks of messages too old to come back."""

from sqlalchemy import RowMapping

from services.ingestion.models.stored import ORIGIN
from services.ingestion.models.times import Times
from services.ingestion.models.version import Deletion, Leftover
from services.ingestion.store.database import Database, Transaction

# An upload or drop that another current version uses stays: then `key` is NULL here.
_OWN_KEY = """
CASE WHEN NOT EXISTS (
    SELECT 1 FROM versions o WHERE o.key = v.key AND o.status IN {current})
THEN v.key END AS key"""


class Purging:
    """Implements services.ports.Purging."""

    def __init__(self, database: Database, times: Times) -> None:
        self._database, self._times = database, times

    _DELETIONS = """
WITH due AS (
    SELECT document_id FROM documents WHERE purge_at <= now()
    ORDER BY purge_at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE documents d SET purge_at = now() + interval '30 seconds'
FROM due WHERE d.document_id = due.document_id
RETURNING d.document_id, d.name, d.deleted_ordinal, d.deleted_by, d.created_at"""

    async def deletions(self, limit: int = 20) -> list[Deletion]:
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(self._DELETIONS, {"limit": limit})
            return [await self._deletion(transaction, row) for row in rows.mappings().all()]

    # Purged versions have neither key nor result; a dead worker's lease may hide one more manifest.
    _OBJECTS = f"""
SELECT v.ordinal, {_OWN_KEY} FROM versions v
WHERE v.document_id = :document_id AND v.status = 'deleted'
    AND (v.key IS NOT NULL OR v.result IS NOT NULL OR v.due_at IS NOT NULL)"""

    async def _deletion(self, transaction: Transaction, row: RowMapping) -> Deletion:
        values = {"document_id": row["document_id"]}
        objects = (await transaction.execute(self._OBJECTS, values)).all()
        return Deletion(
            ORIGIN.validate_python(row["deleted_by"]),
            row["document_id"],
            row["name"],
            row["deleted_ordinal"],
            row["created_at"],
            ordinals=tuple(found.ordinal for found in objects),
            keys=tuple({found.key: None for found in objects if found.key}),
        )

    # A worker that was killed may have left a manifest: look again when its lease has ended.
    _PURGED_DOCUMENT = """
UPDATE documents d SET
    name = CASE WHEN d.deleted_ordinal = d.last_ordinal THEN d.document_id ELSE d.name END,
    purge_at = (SELECT max(v.due_at) + interval '5 seconds' FROM versions v
        WHERE v.document_id = d.document_id AND v.status = 'deleted' AND v.due_at > now())
WHERE d.document_id = :document_id AND d.deleted_ordinal = :ordinal"""

    _PURGED_VERSIONS = """
UPDATE versions
SET key = NULL, result = NULL, origin = '{}', due_at = CASE WHEN due_at > now() THEN due_at END
WHERE document_id = :document_id AND status = 'deleted'"""

    async def purged(self, deletion: Deletion) -> None:
        document = {"document_id": deletion.document_id}
        async with self._database.transaction() as transaction:
            ended = document | {"ordinal": deletion.ordinal}
            await transaction.execute(self._PURGED_DOCUMENT, ended)
            await transaction.execute(self._PURGED_VERSIONS, document)
            for table in ("vectors", "extractions"):
                await transaction.execute(
                    f"DELETE FROM {table} WHERE document_id = :document_id", document
                )

    _LEFTOVERS = f"""
WITH due AS (
    SELECT document_id, ordinal FROM versions
    WHERE status IN {{replaced}} AND due_at <= now()
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE versions v SET due_at = now() + make_interval(secs => :purge_after)
FROM due WHERE v.document_id = due.document_id AND v.ordinal = due.ordinal
RETURNING v.tenant, v.document_id, v.ordinal, {_OWN_KEY}"""

    async def leftovers(self, limit: int = 100) -> list[Leftover]:
        values = {"limit": limit, "purge_after": self._times.purge_after_s}
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(self._LEFTOVERS, values)
            return [Leftover(**row) for row in rows.mappings()]

    async def purged_leftover(self, leftover: Leftover) -> None:
        purged = """
UPDATE versions SET due_at = NULL, key = NULL
WHERE document_id = :document_id AND ordinal = :ordinal AND status IN {replaced}"""
        values = {"document_id": leftover.document_id, "ordinal": leftover.ordinal}
        async with self._database.transaction() as transaction:
            await transaction.execute(purged, values)

    async def remove_old_intakes(self) -> None:
        # Longer than a message can come back: 4 days in a queue, then 14 among the dead letters.
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "DELETE FROM intakes WHERE taken_at < now() - interval '30 days'"
            )
