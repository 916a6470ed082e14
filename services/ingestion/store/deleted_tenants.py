"""Deleted tenants in PostgreSQL: a row that does not hold the name, and nothing else."""

from collections import Counter
from datetime import datetime
from hashlib import sha256

from services.ingestion.models.deleted_tenant import Deleted
from services.ingestion.models.version import Origin
from services.ingestion.store import parts
from services.ingestion.store.database import Database

# Documents in a transaction.
_AT_ONCE = 500
# Of a row `r`: a document of a tenant whose name a deleted one had begins where that one's ended.
BEGUN = """coalesce((
    SELECT CAST(t.state ->> 'last_ordinal' AS integer) FROM tenants t
    WHERE t.tenant = r.tombstone), 0)"""
# In an order in which no row refers to one that is gone.
_OF_DOCUMENTS = ("purges", "deletions", "versions", "vectors", "extractions", "documents")


class DeletedTenants:
    """Implements services.ports.DeletedTenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    _DELETED = """
SELECT d.state ->> 'deleted_until' AS until,
    NOT EXISTS (SELECT 1 FROM tenants t WHERE t.tenant = :tenant) AS closed
FROM tenants d WHERE d.tenant = :tombstone"""

    async def deleted(self, tenant: str) -> Deleted | None:
        values = {"tenant": tenant, "tombstone": tombstone(tenant)}
        async with self._database.transaction() as transaction:
            row = (await transaction.execute(self._DELETED, values)).first()
        return None if row is None else Deleted(datetime.fromisoformat(row.until), row.closed)

    _BURY = """
INSERT INTO tenants (tenant, state)
VALUES (:tombstone, jsonb_build_object('deleted_until', CAST(:until AS text), 'last_ordinal', 0))
ON CONFLICT (tenant) DO UPDATE
SET state = jsonb_set(tenants.state, '{deleted_until}', to_jsonb(CAST(:until AS text)))"""

    async def delete_documents(self, origin: Origin, until: datetime) -> None:
        named = {"tenant": origin.tenant}
        values = {"tombstone": tombstone(origin.tenant), "until": until.isoformat()}
        async with self._database.transaction() as transaction:
            await transaction.execute(self._BURY, values)
            await transaction.execute("DELETE FROM tenants WHERE tenant = :tenant", named)
        found = True
        while found:
            async with self._database.transaction() as transaction:
                found = await parts.delete_some(transaction, origin, _AT_ONCE)

    _OPEN = """
SELECT 1 FROM documents
WHERE tenant = :tenant AND (purge_at IS NOT NULL OR deleted_ordinal < last_ordinal) LIMIT 1"""

    async def is_purged(self, tenant: str) -> bool:
        async with self._database.transaction() as transaction:
            return (await transaction.execute(self._OPEN, {"tenant": tenant})).first() is None

    # Only what is purged: whatever came meanwhile is deleted in the next round.
    _GONE = """
SELECT document_id FROM documents
WHERE tenant = :tenant AND purge_at IS NULL AND deleted_ordinal = last_ordinal
ORDER BY document_id LIMIT :limit FOR UPDATE"""

    _COUNTED = """
SELECT place, sum(removed) AS removed FROM purges
WHERE document_id = ANY(CAST(:ids AS text[])) AND service = 'ingestion' GROUP BY place"""

    _COUNT_ON = """
UPDATE tenants
SET state = jsonb_set(state, '{last_ordinal}', to_jsonb(greatest(
    CAST(state ->> 'last_ordinal' AS integer),
    (SELECT max(last_ordinal) FROM documents WHERE document_id = ANY(CAST(:ids AS text[]))))))
WHERE tenant = :tombstone"""

    async def forget(self, tenant: str) -> dict[str, int]:
        removed = Counter(documents=0)
        while True:
            async with self._database.transaction() as transaction:
                gone = await transaction.execute(self._GONE, {"tenant": tenant, "limit": _AT_ONCE})
                values = {"ids": [row.document_id for row in gone]}
                if not values["ids"]:
                    break
                for row in await transaction.execute(self._COUNTED, values):
                    removed[row.place] += int(row.removed)
                counted = values | {"tombstone": tombstone(tenant)}
                await transaction.execute(self._COUNT_ON, counted)
                for table in _OF_DOCUMENTS:
                    await transaction.execute(
                        f"DELETE FROM {table} WHERE document_id = ANY(CAST(:ids AS text[]))", values
                    )
                removed["documents"] += len(values["ids"])
        async with self._database.transaction() as transaction:
            await transaction.execute(
                "DELETE FROM intakes WHERE tenant = :tenant", {"tenant": tenant}
            )
        return dict(removed)


def tombstone(tenant: str) -> str:
    """The row of a deleted tenant. It does not hold the name, and no tenant has this one."""
    return f"#{sha256(tenant.encode()).hexdigest()}"
