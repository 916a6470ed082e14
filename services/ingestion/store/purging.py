"""What deleted and replaced versions left, and marks of messages too old to come back."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import RowMapping

from services.ingestion.models.proof import Purged
from services.ingestion.models.stored import ORIGIN
from services.ingestion.models.times import Times
from services.ingestion.models.version import Deletion, Leftover
from services.ingestion.store.database import Database, Transaction
from services.ingestion.store.proofs import confirm, purged_rows

# As it stands in the certificate.
OWNER = "ingestion"
# An upload or drop that another version uses stays, so `key` is NULL here: one that is current or
# kept, or that is purged after this one.
_OWN_KEY = """
CASE WHEN NOT EXISTS (
    SELECT 1 FROM versions o
    WHERE o.key = v.key AND (o.status IN {current}
        OR o.status IN {replaced} AND (o.due_at IS NULL OR o.ordinal > v.ordinal)))
THEN v.key END AS key"""


class Purging:
    """Implements services.ports.Purging."""

    def __init__(self, database: Database, times: Times) -> None:
        self._database, self._times = database, times

    # It comes back ever more slowly until every service has confirmed.
    _DELETIONS = """
WITH due AS (
    SELECT document_id, deleted_ordinal FROM documents WHERE purge_at <= now()
    ORDER BY purge_at LIMIT :limit FOR UPDATE SKIP LOCKED),
sent AS (
    UPDATE deletions x SET sends = x.sends + 1
    FROM due WHERE x.document_id = due.document_id AND x.ordinal = due.deleted_ordinal
    RETURNING x.document_id, x.sends)
UPDATE documents d
SET purge_at = now()
    + make_interval(secs => least(:again * power(2, least(sent.sends - 1, 10)), 900))
FROM sent WHERE d.document_id = sent.document_id
RETURNING d.document_id, d.name, d.deleted_ordinal, d.deleted_by, d.deleted_at"""

    async def deletions(self, limit: int = 20) -> list[Deletion]:
        values = {"limit": limit, "again": self._times.purge_again_s}
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(self._DELETIONS, values)
            return [await self._deletion(transaction, row) for row in rows.mappings().all()]

    _KEYS = f"""
SELECT DISTINCT found.key FROM (
    SELECT {_OWN_KEY} FROM versions v
    WHERE v.document_id = :document_id AND v.status = 'deleting') found
WHERE found.key IS NOT NULL"""

    async def _deletion(self, transaction: Transaction, row: RowMapping) -> Deletion:
        values = {"document_id": row["document_id"]}
        keys = await transaction.execute(self._KEYS, values)
        return Deletion(
            ORIGIN.validate_python(row["deleted_by"]),
            row["document_id"],
            row["name"],
            row["deleted_ordinal"],
            row["deleted_at"],
            keys=tuple(found.key for found in keys),
        )

    # A worker that was killed may have left a manifest: look again when its lease has ended.
    _PURGED_DOCUMENT = """
UPDATE documents d SET
    name = CASE WHEN d.deleted_ordinal = d.last_ordinal THEN d.document_id ELSE d.name END,
    owner = CASE WHEN d.deleted_ordinal < d.last_ordinal THEN d.owner END,
    purge_at = coalesce((SELECT max(v.due_at) + interval '5 seconds' FROM versions v
        WHERE v.document_id = d.document_id AND v.status = 'deleting' AND v.due_at > now()),
        d.purge_at)
WHERE d.document_id = :document_id AND d.deleted_ordinal = :ordinal"""

    _PURGED_TEXTS = """
UPDATE versions SET text = NULL
WHERE document_id = :document_id AND status = 'deleting' AND text IS NOT NULL"""

    _PURGED_VERSIONS = """
UPDATE versions
SET key = NULL, result = NULL, origin = '{}', due_at = CASE WHEN due_at > now() THEN due_at END
WHERE document_id = :document_id AND status = 'deleting'
RETURNING due_at IS NOT NULL AS leased"""

    _NOTE = """
INSERT INTO purges (document_id, ordinal, service, place, removed, at)
SELECT :document_id, :ordinal, service, place, removed, CAST(at AS timestamptz)
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(service text, place text, removed integer, at text)
ON CONFLICT (document_id, ordinal, service, place) DO UPDATE
SET removed = purges.removed + excluded.removed,
    at = CASE WHEN excluded.removed > 0 THEN excluded.at ELSE purges.at END"""

    async def purged(self, deletion: Deletion, objects: Mapping[str, int]) -> None:
        document = {"document_id": deletion.document_id}
        ended = document | {"ordinal": deletion.ordinal}
        removed = dict(objects)
        async with self._database.transaction() as transaction:
            await transaction.execute(self._PURGED_DOCUMENT, ended)
            texts = await transaction.execute(self._PURGED_TEXTS, document)
            removed["texts"] = texts.rowcount
            versions = await transaction.execute(self._PURGED_VERSIONS, document)
            leased = any(row.leased for row in versions)
            for table in ("vectors", "extractions"):
                rows = await transaction.execute(
                    f"DELETE FROM {table} WHERE document_id = :document_id", document
                )
                removed[table] = rows.rowcount
            now = datetime.now(UTC)
            places = [Purged(OWNER, place, count, now) for place, count in removed.items()]
            await transaction.execute(self._NOTE, ended | {"rows": purged_rows(places)})
            if not leased:
                await confirm(transaction, deletion.document_id, deletion.ordinal, OWNER)

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
UPDATE versions SET due_at = NULL, key = NULL, text = NULL, purged_at = now()
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
