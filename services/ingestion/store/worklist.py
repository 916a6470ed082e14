"""The worklist: workers' claims on versions, what became of them, and what to announce."""

from collections.abc import Mapping, Sequence

from sqlalchemy import RowMapping

from services.ingestion.models.stored import DESCRIPTION, FAULT, ORIGIN, RESULT, as_json
from services.ingestion.models.times import Times
from services.ingestion.models.version import Announcement, Claim, Fault, Result
from services.ingestion.store.database import Database, parameter
from shared.grouping import Grouping

_NOT_INDEXED = Fault(
    "not_indexed", "The search index did not answer in time. Send the document again."
)


class Worklist:
    """Implements services.ports.Worklist.

    A claim is a new id each time, so whoever held the version before can change nothing.
    """

    def __init__(self, database: Database, times: Times) -> None:
        self._database, self._times = database, times
        self._finished = Grouping(self._finish_all, wait_s=times.finish_s)
        self._indexed = Grouping(self._ready_all)

    # It steps from tenant to tenant in the index, so its cost is the tenants', not the backlog's.
    _WAITING_TENANTS = """
WITH RECURSIVE waiting(tenant) AS (
    (SELECT tenant FROM versions WHERE status IN {claimable}
     ORDER BY tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT v.tenant FROM versions v
            WHERE v.status IN {claimable} AND v.tenant > w.tenant
            ORDER BY v.tenant LIMIT 1)
    FROM waiting w WHERE w.tenant IS NOT NULL)
SELECT w.tenant,
    (SELECT count(*) FROM versions v
     WHERE v.tenant = w.tenant AND v.status = 'processing' AND v.due_at > now()) AS running
FROM waiting w
WHERE w.tenant IS NOT NULL AND EXISTS (
    SELECT 1 FROM versions v
    WHERE v.tenant = w.tenant AND v.status IN {claimable} AND v.due_at <= now())"""

    _CLAIM = """
WITH picked AS (
    SELECT v.document_id, v.ordinal
    FROM jsonb_to_recordset(CAST(:shares AS jsonb)) AS s(tenant text, slots integer)
    CROSS JOIN LATERAL (
        SELECT document_id, ordinal FROM versions
        WHERE tenant = s.tenant AND status IN {claimable} AND due_at <= now()
        ORDER BY due_at LIMIT s.slots FOR UPDATE SKIP LOCKED) v),
claimed AS (
    UPDATE versions v
    SET status = 'processing', claim = gen_random_uuid()::text,
        interruptions = v.interruptions + CAST(v.status = 'processing' AS integer),
        due_at = now() + make_interval(secs => :lease), updated_at = now()
    FROM picked p WHERE v.document_id = p.document_id AND v.ordinal = p.ordinal
    RETURNING v.*)
SELECT c.*, d.name, live.content_hash AS live_hash, live.description AS live_description
FROM claimed c
JOIN documents d ON d.document_id = c.document_id
LEFT JOIN LATERAL (
    SELECT content_hash, description FROM versions l
    WHERE c.ordinal > 1 AND l.document_id = c.document_id AND l.ordinal < c.ordinal
        AND l.status IN {indexed}
    ORDER BY l.ordinal DESC LIMIT 1) live ON true"""

    # One that is in work when it is claimed was left there: its lease ended without a word.
    async def claim(self, places: int) -> list[Claim]:
        async with self._database.transaction() as transaction:
            waiting = await transaction.execute(self._WAITING_TENANTS)
            shared = shares({row.tenant: row.running for row in waiting}, places)
            if not shared:
                return []
            slots = [{"tenant": tenant, "slots": n} for tenant, n in shared.items()]
            rows = await transaction.execute(
                self._CLAIM, {"shares": parameter(slots), "lease": self._times.lease_s}
            )
            return [_claim(row) for row in rows.mappings()]

    _RENEW = """
UPDATE versions SET due_at = now() + make_interval(secs => :lease)
WHERE claim = ANY(CAST(:claims AS text[])) AND status = 'processing'
RETURNING claim"""

    async def renew(self, claims: Sequence[Claim]) -> set[str]:
        values = {"claims": [claim.claim for claim in claims], "lease": self._times.lease_s}
        async with self._database.transaction() as transaction:
            return {row.claim for row in await transaction.execute(self._RENEW, values)}

    _RELEASE = """
UPDATE versions
SET status = 'accepted', claim = NULL, attempts = attempts + :attempt,
    due_at = now() + make_interval(secs => :after), updated_at = now()
WHERE claim = :claim AND status = 'processing'"""

    async def release(self, claim: Claim, *, after_s: float, counted: bool) -> None:
        values = {"claim": claim.claim, "after": after_s, "attempt": int(counted)}
        async with self._database.transaction() as transaction:
            await transaction.execute(self._RELEASE, values)

    async def finish(self, claim: Claim, result: Result) -> Announcement | None:
        if not await self._finished.add((claim, result)):
            return None
        return _told(claim, "indexing", result=result)

    _FINISH = """
UPDATE versions v
SET status = 'indexing', due_at = now() + make_interval(secs => :resend), sends = 1,
    text = NULL, content_hash = r.content_hash, result = CAST(r.result AS jsonb),
    updated_at = now()
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(claim text, content_hash text, result text)
WHERE v.claim = r.claim AND v.status = 'processing'
RETURNING v.claim"""

    async def _finish_all(self, done: Sequence[tuple[Claim, Result]]) -> list[bool]:
        rows = [
            {
                "claim": claim.claim,
                "content_hash": result.content_hash,
                "result": as_json(RESULT, result),
            }
            for claim, result in done
        ]
        values = {"rows": parameter(rows), "resend": self._times.resend_s}
        async with self._database.transaction() as transaction:
            finished = {row.claim for row in await transaction.execute(self._FINISH, values)}
        return [claim.claim in finished for claim, _ in done]

    _SETTLE = """
UPDATE versions
SET status = :status, due_at = now() + make_interval(secs => :resend), text = NULL,
    fault = CAST(:fault AS jsonb), updated_at = now()
WHERE claim = :claim AND status = 'processing'
RETURNING 1"""

    async def settle(self, claim: Claim, status: str, fault: Fault) -> Announcement | None:
        values = {
            "claim": claim.claim,
            "status": status,
            "fault": as_json(FAULT, fault),
            "resend": self._times.resend_s,
        }
        async with self._database.transaction() as transaction:
            if (await transaction.execute(self._SETTLE, values)).first() is None:
                return None
        return _told(claim, status, fault=fault)

    _DUPLICATE = """
UPDATE versions
SET status = 'duplicate', due_at = now() + make_interval(secs => :purge_after), text = NULL,
    updated_at = now()
WHERE claim = :claim AND status = 'processing'"""

    async def duplicate(self, claim: Claim) -> None:
        values = {"claim": claim.claim, "purge_after": self._times.purge_after_s}
        async with self._database.transaction() as transaction:
            await transaction.execute(self._DUPLICATE, values)

    async def is_withdrawn(self, claim: Claim) -> bool:
        withdrawn = """
SELECT 1 FROM versions
WHERE document_id = :document_id AND ordinal = :ordinal AND status NOT IN {current}"""
        values = {"document_id": claim.document_id, "ordinal": claim.ordinal}
        async with self._database.transaction() as transaction:
            return (await transaction.execute(withdrawn, values)).first() is not None

    async def ready(self, tenant: str, document_id: str, ordinal: int, chunks: int) -> bool:
        return await self._indexed.add((tenant, document_id, ordinal, chunks))

    # A count that differs leaves the version as it is and lets it be announced again.
    _READY = """
UPDATE versions v
SET status = CASE WHEN agrees THEN 'ready' ELSE v.status END,
    due_at = CASE WHEN agrees THEN NULL ELSE now() + make_interval(secs => :resend) END,
    updated_at = CASE WHEN agrees THEN now() ELSE v.updated_at END
FROM (
    SELECT r.document_id, r.ordinal,
        CAST(o.result -> 'counts' ->> 'chunks' AS integer) = r.chunks AS agrees
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS r(tenant text, document_id text, ordinal integer, chunks integer)
    JOIN versions o ON o.document_id = r.document_id AND o.ordinal = r.ordinal
        AND o.tenant = r.tenant) r
WHERE v.document_id = r.document_id AND v.ordinal = r.ordinal
    AND v.status IN {indexed}
RETURNING v.document_id, v.ordinal, v.status = 'ready' AS agreed"""

    _REPLACE = """
UPDATE versions v
SET status = 'superseded', due_at = now() + make_interval(secs => :purge_after), text = NULL,
    updated_at = now()
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text, ordinal integer)
WHERE v.document_id = r.document_id AND v.ordinal < r.ordinal
    AND v.status IN {current}"""

    async def _ready_all(self, told: Sequence[tuple[str, str, int, int]]) -> list[bool]:
        rows = [
            {"tenant": tenant, "document_id": document, "ordinal": ordinal, "chunks": chunks}
            for tenant, document, ordinal, chunks in set(told)
        ]
        values = {"rows": parameter(rows), "resend": self._times.resend_s}
        async with self._database.transaction() as transaction:
            ready = await transaction.execute(self._READY, values)
            agreed = {(row.document_id, row.ordinal) for row in ready if row.agreed}
            later = [{"document_id": document, "ordinal": n} for document, n in agreed if n > 1]
            if later:
                replacing = {"rows": parameter(later), "purge_after": self._times.purge_after_s}
                await transaction.execute(self._REPLACE, replacing)
        return [(document, ordinal) in agreed for _, document, ordinal, _ in told]

    _REFUSE = """
UPDATE versions v
SET status = 'failed', fault = CAST(:fault AS jsonb), updated_at = now(),
    due_at = now() + make_interval(secs => :resend)
FROM documents d
WHERE v.document_id = :document_id AND v.ordinal = :ordinal AND v.tenant = :tenant
    AND v.status = 'indexing' AND d.document_id = v.document_id
RETURNING v.*, d.name"""

    async def refuse(
        self, tenant: str, document_id: str, ordinal: int, fault: Fault
    ) -> Announcement | None:
        values = {
            "tenant": tenant,
            "document_id": document_id,
            "ordinal": ordinal,
            "fault": as_json(FAULT, fault),
            "resend": self._times.resend_s,
        }
        async with self._database.transaction() as transaction:
            row = (await transaction.execute(self._REFUSE, values)).mappings().first()
            return _announcement(row) if row else None

    # 15 minutes at most between two attempts. `indexing` is as old as its last change.
    _DUE = """
WITH due AS (
    SELECT document_id, ordinal,
        status = 'indexing' AND updated_at <= now() - make_interval(secs => :answer) AS late
    FROM versions
    WHERE status IN {announced} AND due_at <= now()
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE versions v
SET sends = v.sends + 1,
    due_at = now() + make_interval(secs => least(:resend * power(2, least(v.sends, 10)), 900)),
    status = CASE WHEN due.late THEN 'failed' ELSE v.status END,
    fault = CASE WHEN due.late THEN CAST(:fault AS jsonb) ELSE v.fault END,
    updated_at = CASE WHEN due.late THEN now() ELSE v.updated_at END
FROM due JOIN documents d ON d.document_id = due.document_id
WHERE v.document_id = due.document_id AND v.ordinal = due.ordinal
RETURNING v.*, d.name"""

    async def due(self, limit: int = 100) -> list[Announcement]:
        values = {
            "limit": limit,
            "resend": self._times.resend_s,
            "answer": self._times.answer_s,
            "fault": as_json(FAULT, _NOT_INDEXED),
        }
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(self._DUE, values)
            return [_announcement(row) for row in rows.mappings()]

    async def announced(self, announcement: Announcement) -> None:
        confirmed = """
UPDATE versions SET due_at = NULL
WHERE document_id = :document_id AND ordinal = :ordinal AND status IN {faulty}"""
        values = {"document_id": announcement.document_id, "ordinal": announcement.ordinal}
        async with self._database.transaction() as transaction:
            await transaction.execute(confirmed, values)


def shares(running: Mapping[str, int], places: int) -> dict[str, int]:
    """Places for each waiting tenant, by how many of its documents run already.

    Each place goes to the tenant that then has the fewest: ten thousand documents of one do not
    delay another's one.
    """
    load = dict(running)
    given: dict[str, int] = {}
    for _ in range(places if load else 0):
        tenant = min(load, key=lambda name: (load[name], name))
        load[tenant] += 1
        given[tenant] = given.get(tenant, 0) + 1
    return given


def _claim(row: RowMapping) -> Claim:
    live = row["live_description"]
    return Claim(
        claim=row["claim"],
        document_id=row["document_id"],
        ordinal=row["ordinal"],
        name=row["name"],
        origin=ORIGIN.validate_python(row["origin"]),
        description=DESCRIPTION.validate_python(row["description"]),
        created_at=row["created_at"],
        attempts=row["attempts"],
        interruptions=row["interruptions"],
        media_type=row["media_type"],
        text=row["text"],
        key=row["key"],
        live_hash=row["live_hash"],
        live_description=DESCRIPTION.validate_python(live) if live else None,
    )


def _told(
    claim: Claim, status: str, *, result: Result | None = None, fault: Fault | None = None
) -> Announcement:
    return Announcement(
        claim.document_id,
        claim.ordinal,
        claim.name,
        status,
        claim.origin,
        claim.description,
        claim.created_at,
        result,
        fault,
    )


def _announcement(row: RowMapping) -> Announcement:
    return Announcement(
        document_id=row["document_id"],
        ordinal=row["ordinal"],
        name=row["name"],
        status=row["status"],
        origin=ORIGIN.validate_python(row["origin"]),
        description=DESCRIPTION.validate_python(row["description"]),
        created_at=row["created_at"],
        result=RESULT.validate_python(row["result"]) if row["result"] else None,
        fault=FAULT.validate_python(row["fault"]) if row["fault"] else None,
    )
