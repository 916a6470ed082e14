"""What each service has purged of a deleted document, and whether that is all."""

from collections.abc import Iterable

from contracts.ingestion.proof import CONFIRMING
from services.ingestion.models.proof import Certificate, Purged
from services.ingestion.store.database import Database, Transaction, parameter


class Proofs:
    """Implements services.ports.Proofs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # In the order in which a deletion locks them: first the document, then the rest.
    _LOCK = """
SELECT deleted_ordinal FROM documents
WHERE document_id = :document_id AND tenant = :tenant FOR UPDATE"""

    # A message that comes twice, or whose purge was interrupted, counts less than the first time.
    _NOTE = """
INSERT INTO purges (document_id, ordinal, service, place, removed, at)
SELECT :document_id, :ordinal, service, place, removed, CAST(at AS timestamptz)
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(service text, place text, removed integer, at text)
ON CONFLICT (document_id, ordinal, service, place) DO UPDATE
SET removed = excluded.removed, at = excluded.at WHERE purges.removed < excluded.removed"""

    async def confirm(
        self, tenant: str, document_id: str, ordinal: int, service: str, places: Iterable[Purged]
    ) -> bool:
        values = {"document_id": document_id, "ordinal": ordinal}
        async with self._database.transaction() as transaction:
            row = (await transaction.execute(self._LOCK, values | {"tenant": tenant})).first()
            if row is None or ordinal > row.deleted_ordinal:
                return False
            await transaction.execute(self._NOTE, values | {"rows": purged_rows(places)})
            await confirm(transaction, document_id, ordinal, service)
        return True

    _CERTIFICATE = """
SELECT x.ordinal, x.deleted_at, x.deleted_by, x.confirmed, x.completed_at,
    CASE WHEN d.deleted_ordinal = d.last_ordinal AND d.name <> d.document_id
        THEN d.name END AS name
FROM deletions x JOIN documents d ON d.document_id = x.document_id
WHERE d.document_id = :document_id AND d.tenant = :tenant
ORDER BY x.ordinal DESC LIMIT 1"""

    _PLACES = """
SELECT service, place, removed, at FROM purges
WHERE document_id = :document_id AND ordinal = :ordinal ORDER BY service, place"""

    async def certificate(self, tenant: str, document_id: str) -> Certificate | None:
        values = {"document_id": document_id, "tenant": tenant}
        async with self._database.transaction() as transaction:
            row = (await transaction.execute(self._CERTIFICATE, values)).first()
            if row is None:
                return None
            found = {"document_id": document_id, "ordinal": row.ordinal}
            rows = await transaction.execute(self._PLACES, found)
            places = tuple(Purged(**one) for one in rows.mappings())
        return Certificate(
            document_id,
            row.ordinal,
            row.name,
            row.deleted_at,
            row.deleted_by,
            row.completed_at is not None,
            tuple(row.confirmed),
            places,
        )


_CONFIRM = """
UPDATE deletions
SET confirmed = CASE WHEN CAST(:service AS text) = ANY(confirmed) THEN confirmed
        ELSE confirmed || CAST(:service AS text) END,
    completed_at = coalesce(completed_at, CASE
        WHEN confirmed || CAST(:service AS text) @> CAST(:all AS text[]) THEN now() END)
WHERE document_id = :document_id AND ordinal <= :ordinal"""

_ENDED = """
UPDATE versions v SET status = 'deleted', due_at = NULL, updated_at = now()
WHERE v.document_id = :document_id AND v.status = 'deleting' AND v.ordinal <= (
    SELECT max(x.ordinal) FROM deletions x
    WHERE x.document_id = v.document_id AND x.completed_at IS NOT NULL)"""

_NOTHING_DUE = """
UPDATE documents d SET purge_at = NULL
WHERE d.document_id = :document_id AND EXISTS (
    SELECT 1 FROM deletions x WHERE x.document_id = d.document_id
        AND x.ordinal = d.deleted_ordinal AND x.completed_at IS NOT NULL)"""


async def confirm(transaction: Transaction, document_id: str, ordinal: int, service: str) -> None:
    """The service holds nothing up to `ordinal`: also what earlier deletions were to remove."""
    document = {"document_id": document_id}
    confirmed = document | {"ordinal": ordinal, "service": service, "all": [*CONFIRMING]}
    await transaction.execute(_CONFIRM, confirmed)
    await transaction.execute(_ENDED, document)
    await transaction.execute(_NOTHING_DUE, document)


def purged_rows(places: Iterable[Purged]) -> str:
    return parameter(
        {
            "service": one.service,
            "place": one.place,
            "removed": one.removed,
            "at": one.at.isoformat(),
        }
        for one in places
    )
