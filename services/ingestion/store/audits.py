"""The registry as audits read it, and the changes that repair it."""

from collections.abc import Sequence

from sqlalchemy import RowMapping

from services.ingestion.models.audited import ReadyVersion, Registered, Standing
from services.ingestion.models.stored import DESCRIPTION, ORIGIN, RESULT, as_json
from services.ingestion.models.version import Origin, Result
from services.ingestion.store.database import Database


class Audits:
    """Implements services.ports.Audits. Ids are ordered by their bytes, as S3 orders keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    _PAGE = """
SELECT d.document_id, d.name, d.last_ordinal, d.created_at,
    r.ordinal, r.origin, r.description, r.result, r.media_type, r.key,
    EXISTS (SELECT 1 FROM versions m
        WHERE m.document_id = d.document_id AND m.status IN {moving}) AS moving
FROM documents d
LEFT JOIN LATERAL (
    SELECT * FROM versions v WHERE v.document_id = d.document_id AND v.status = 'ready'
    ORDER BY v.ordinal DESC LIMIT 1) r ON true
WHERE d.tenant = :tenant AND d.document_id COLLATE "C" > :after
    AND (CAST(:ids AS text[]) IS NULL OR d.document_id = ANY(CAST(:ids AS text[])))
ORDER BY d.document_id COLLATE "C" LIMIT :limit"""

    async def page(
        self, tenant: str, after: str, limit: int, ids: Sequence[str] = ()
    ) -> list[Registered]:
        values = {
            "tenant": tenant,
            "after": after,
            "limit": len(ids) or limit,
            "ids": list(ids) or None,
        }
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(self._PAGE, values)
            return [_registered(row) for row in rows.mappings()]

    # A version in work may have written its manifest already; a replaced one until its purge.
    _EXPECTED = """
SELECT w.key FROM unnest(CAST(:keys AS text[]), CAST(:documents AS text[]),
    CAST(:ordinals AS integer[])) AS w(key, document_id, ordinal)
WHERE EXISTS (
    SELECT 1 FROM versions v
    WHERE v.tenant = :tenant AND v.document_id = w.document_id
        AND (v.ordinal = w.ordinal OR v.result ->> 'manifest_key' = w.key)
        AND (v.status IN {moving}
            OR v.result IS NOT NULL AND v.purged_at IS NULL))"""

    async def expected_manifests(
        self, tenant: str, keys: Sequence[tuple[str, str, int]]
    ) -> set[str]:
        values = {
            "tenant": tenant,
            "keys": [key for key, _, _ in keys],
            "documents": [document for _, document, _ in keys],
            "ordinals": [ordinal for _, _, ordinal in keys],
        }
        async with self._database.transaction() as transaction:
            return {row.key for row in await transaction.execute(self._EXPECTED, values)}

    _RECOUNT = """
UPDATE versions SET result = CAST(:result AS jsonb)
WHERE document_id = :document_id AND ordinal = :ordinal AND status = 'ready'"""

    async def recount(self, document_id: str, ordinal: int, result: Result) -> None:
        values = {
            "document_id": document_id,
            "ordinal": ordinal,
            "result": as_json(RESULT, result),
        }
        async with self._database.transaction() as transaction:
            await transaction.execute(self._RECOUNT, values)

    _FORGET_ORIGINAL = """
UPDATE versions SET key = NULL WHERE document_id = :document_id AND ordinal = :ordinal"""

    async def forget_original(self, document_id: str, ordinal: int) -> None:
        values = {"document_id": document_id, "ordinal": ordinal}
        async with self._database.transaction() as transaction:
            await transaction.execute(self._FORGET_ORIGINAL, values)

    # Nothing if the document changed since it was looked at.
    _NEXT = """
UPDATE documents SET last_ordinal = :ordinal, updated_at = now()
WHERE document_id = :document_id AND last_ordinal = :last_ordinal
RETURNING document_id"""

    # The same content would be settled as a duplicate of a version that has a hash.
    _FORGET_HASH = """
UPDATE versions SET content_hash = NULL
WHERE document_id = :document_id AND ordinal = :ready AND status = 'ready'"""

    _AGAIN = """
INSERT INTO versions (document_id, ordinal, tenant, status, due_at, origin, description,
    media_type, key, content_hash, result, drawn_from)
SELECT document_id, :ordinal, tenant, :status, now(), origin, description,
    media_type, key, content_hash, CAST(:result AS jsonb),
    CASE WHEN CAST(:result AS jsonb) IS NOT NULL THEN ordinal END
FROM versions WHERE document_id = :document_id AND ordinal = :ready"""

    async def again(self, found: Registered, ordinal: int, result: Result | None = None) -> bool:
        if found.ready is None:
            return False
        values = {
            "document_id": found.document_id,
            "last_ordinal": found.last_ordinal,
            "ordinal": ordinal,
            "ready": found.ready.ordinal,
            "status": "accepted" if result is None else "indexing",
            "result": None if result is None else as_json(RESULT, result),
        }
        async with self._database.transaction() as transaction:
            if (await transaction.execute(self._NEXT, values)).first() is None:
                return False
            if result is None:
                await transaction.execute(self._FORGET_HASH, values)
            await transaction.execute(self._AGAIN, values)
        return True

    # The next version must be above whatever the index takes for deleted.
    _BURY = """
INSERT INTO documents (document_id, tenant, name, last_ordinal, deleted_ordinal, deleted_by)
VALUES (:document_id, :tenant, :document_id, :ordinal, :ordinal, CAST(:origin AS jsonb))
ON CONFLICT (document_id) DO UPDATE
SET last_ordinal = greatest(documents.last_ordinal, :ordinal),
    deleted_ordinal = greatest(documents.deleted_ordinal, :ordinal)
WHERE documents.tenant = excluded.tenant
RETURNING document_id"""

    # One that ended badly stays, so that it can be retried: above the tombstone.
    _LIFT = """
WITH newest AS (
    SELECT v.document_id, v.ordinal FROM versions v
    JOIN documents d ON d.document_id = v.document_id
    WHERE d.document_id = :document_id AND d.tenant = :tenant AND v.status IN {faulty}
        AND v.ordinal > d.deleted_ordinal AND v.ordinal <= :ordinal
    ORDER BY v.ordinal DESC LIMIT 1),
lifted AS (
    UPDATE documents d SET last_ordinal = greatest(d.last_ordinal, :ordinal) + 1
    FROM newest WHERE d.document_id = newest.document_id
    RETURNING d.document_id, d.last_ordinal, newest.ordinal)
UPDATE versions v SET ordinal = lifted.last_ordinal
FROM lifted WHERE v.document_id = lifted.document_id AND v.ordinal = lifted.ordinal
RETURNING 1"""

    async def bury(self, origin: Origin, document_id: str, ordinal: int) -> bool:
        values = {
            "document_id": document_id,
            "tenant": origin.tenant,
            "ordinal": ordinal,
            "origin": as_json(ORIGIN, origin),
        }
        async with self._database.transaction() as transaction:
            if (await transaction.execute(self._LIFT, values)).first() is not None:
                return True
            return (await transaction.execute(self._BURY, values)).first() is not None


def _registered(row: RowMapping) -> Registered:
    ready = None
    standing: Standing = "moving" if row["moving"] else "gone"
    if row["ordinal"] is not None:
        standing = "moving" if row["moving"] else "ready"
        ready = ReadyVersion(
            row["ordinal"],
            ORIGIN.validate_python(row["origin"]),
            DESCRIPTION.validate_python(row["description"]),
            RESULT.validate_python(row["result"]),
            row["media_type"],
            row["key"],
        )
    return Registered(
        row["document_id"],
        row["name"],
        standing,
        row["last_ordinal"],
        row["created_at"],
        ready,
    )
