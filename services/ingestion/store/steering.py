"""What people do with documents in work: retry, cancel, reindex, each under the document's lock."""

from collections.abc import Sequence

from services.ingestion.models.steering import CANCELLED, Standing
from services.ingestion.models.stored import FAULT, ORIGIN, as_json
from services.ingestion.models.times import Times
from services.ingestion.models.version import Announcement, Origin
from services.ingestion.store.announcements import ANNOUNCED, announcement_of
from services.ingestion.store.database import Database, Transaction, parameter
from services.ingestion.store.intakes import SEE
from services.ingestion.store.registry import VISIBLE, names

# The row of the document first: in the order in which intakes and deletions lock. A worker locks
# its version only.
_LOCK = """
SELECT 1 FROM documents WHERE document_id = :document_id AND tenant = :tenant FOR UPDATE"""

_STANDING = f"""
SELECT v.ordinal, v.status, v.fault, v.key, (v.key IS NOT NULL OR v.text IS NOT NULL) AS has_source
FROM documents d CROSS JOIN LATERAL (
    SELECT * FROM versions v
    WHERE v.document_id = d.document_id AND v.ordinal > d.deleted_ordinal
        AND v.status IN {{shown}}
    ORDER BY v.ordinal DESC LIMIT 1 FOR UPDATE) v
WHERE d.document_id = :document_id AND d.tenant = :tenant {VISIBLE}"""


class Steering:
    """Implements services.ports.Steering."""

    def __init__(self, database: Database, times: Times) -> None:
        self._database, self._times = database, times

    async def standing(
        self, tenant: str, document_id: str, visible_to: Sequence[str] | None
    ) -> Standing | None:
        async with self._database.transaction() as transaction:
            return await _locked(transaction, tenant, document_id, visible_to)

    # The worker of a version that was cancelled just now may still remove its manifest.
    _RETRY = """
UPDATE versions
SET status = 'accepted', claim = NULL, attempts = 0, interruptions = 0, sends = 0, fault = NULL,
    result = NULL, progress = NULL, updated_at = now(),
    due_at = greatest(now(), CASE WHEN fault ->> 'code' = :cancelled
        THEN updated_at + make_interval(secs => :stopped) END)
WHERE document_id = :document_id AND ordinal = :ordinal"""

    async def retry(
        self, tenant: str, document_id: str, visible_to: Sequence[str] | None
    ) -> Standing | None:
        async with self._database.transaction() as transaction:
            found = await _locked(transaction, tenant, document_id, visible_to)
            if found is not None and found.must_be_retried():
                values = {
                    "document_id": document_id,
                    "ordinal": found.ordinal,
                    "cancelled": CANCELLED.code,
                    "stopped": 3 * self._times.watch_s,
                }
                await transaction.execute(self._RETRY, values)
        return found

    _CANCEL = f"""
UPDATE versions v
SET status = 'failed', fault = CAST(:fault AS jsonb), progress = NULL, updated_at = now(),
    attempts = v.attempts + CAST(v.status IN {{working}} AS integer), claim = NULL,
    due_at = now() + make_interval(secs => :resend)
FROM documents d
WHERE v.document_id = :document_id AND v.ordinal = :ordinal AND d.document_id = v.document_id
RETURNING {ANNOUNCED}"""

    async def cancel(
        self, tenant: str, document_id: str, visible_to: Sequence[str] | None
    ) -> tuple[Standing | None, Announcement | None]:
        async with self._database.transaction() as transaction:
            found = await _locked(transaction, tenant, document_id, visible_to)
            if found is None or not found.must_be_cancelled():
                return found, None
            values = {
                "document_id": document_id,
                "ordinal": found.ordinal,
                "fault": as_json(FAULT, CANCELLED),
                "resend": self._times.resend_s,
            }
            row = (await transaction.execute(self._CANCEL, values)).mappings().one()
            return found, announcement_of(row)

    _ADVANCE = """
UPDATE documents SET last_ordinal = last_ordinal + 1, updated_at = now()
WHERE document_id = :document_id
RETURNING last_ordinal"""

    _COPY = """
INSERT INTO versions (document_id, ordinal, tenant, status, due_at, origin, description,
    media_type, text, key, content_hash, anew)
SELECT document_id, :next, tenant, 'accepted', now(), CAST(:origin AS jsonb), description,
    media_type, text, key, content_hash, true
FROM versions WHERE document_id = :document_id AND ordinal = :ordinal"""

    async def reindex(
        self, origin: Origin, document_id: str, visible_to: Sequence[str] | None
    ) -> Standing | None:
        async with self._database.transaction() as transaction:
            found = await _locked(transaction, origin.tenant, document_id, visible_to)
            if found is None or not found.must_be_reindexed():
                return found
            mark = {
                "tenant": origin.tenant,
                "message_id": origin.message_id,
                "document_id": document_id,
            }
            if (await transaction.execute(SEE, {"rows": parameter([mark])})).first() is None:
                return found
            known = {"document_id": document_id}
            ordinal = (await transaction.execute(self._ADVANCE, known)).scalar_one()
            values = known | {
                "ordinal": found.ordinal,
                "next": ordinal,
                "origin": as_json(ORIGIN, origin),
            }
            await transaction.execute(self._COPY, values)
        return found


async def _locked(
    transaction: Transaction, tenant: str, document_id: str, visible_to: Sequence[str] | None
) -> Standing | None:
    known = {"tenant": tenant, "document_id": document_id}
    await transaction.execute(_LOCK, known)
    values = known | {"visible_to": names(visible_to)}
    row = (await transaction.execute(_STANDING, values)).first()
    if row is None:
        return None
    fault = FAULT.validate_python(row.fault) if row.fault else None
    return Standing(row.ordinal, row.status, fault, row.has_source, row.key)
