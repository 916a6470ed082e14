"""The worklist: workers' claims on versions, what became of them, and what to announce."""

from collections.abc import Mapping, Sequence

from sqlalchemy import RowMapping

from services.ingestion.models.stored import DESCRIPTION, FAULT, ORIGIN, RESULT, as_json, wished
from services.ingestion.models.times import Times
from services.ingestion.models.version import Announcement, Claim, Fault, Result, Tally
from services.ingestion.store import parts
from services.ingestion.store.announcements import ANNOUNCED, announcement_of, told
from services.ingestion.store.database import Database, parameter
from shared.grouping import Grouping

_NOT_INDEXED = Fault(
    "not_indexed",
    "The search index did not answer in time. Look whether the service retrieval runs, then retry.",
)


class Worklist:
    """Implements services.ports.Worklist.

    A claim is a new id each time, so whoever held the version before can change nothing. Of a
    document, the newest `kept_versions` with a manifest are kept as long as it lives.
    """

    def __init__(self, database: Database, times: Times, kept_versions: int = 5) -> None:
        self._database, self._times, self._kept = database, times, kept_versions
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
     WHERE v.tenant = w.tenant AND v.status IN {working} AND v.due_at > now()) AS running
FROM waiting w
WHERE w.tenant IS NOT NULL AND EXISTS (
    SELECT 1 FROM versions v
    WHERE v.tenant = w.tenant AND v.status IN {claimable} AND v.due_at <= now()
        AND (v.drawn_from IS NOT NULL OR NOT EXISTS (
            SELECT 1 FROM tenants t WHERE t.tenant = w.tenant AND t.waits_until > now())))"""

    # Drawing a version costs nothing, so a change of who sees a document waits for no budget.
    _CLAIM = """
WITH picked AS (
    SELECT v.document_id, v.ordinal, v.updated_at
    FROM jsonb_to_recordset(CAST(:shares AS jsonb)) AS s(tenant text, slots integer)
    CROSS JOIN LATERAL (
        SELECT document_id, ordinal, updated_at FROM versions
        WHERE tenant = s.tenant AND status IN {claimable} AND due_at <= now()
            AND (drawn_from IS NOT NULL OR NOT EXISTS (
                SELECT 1 FROM tenants t WHERE t.tenant = s.tenant AND t.waits_until > now()))
        ORDER BY due_at LIMIT s.slots FOR UPDATE SKIP LOCKED) v),
claimed AS (
    UPDATE versions v
    SET status = 'parsing', claim = gen_random_uuid()::text, progress = NULL,
        interruptions = v.interruptions + CAST(v.status IN {working} AS integer),
        due_at = now() + make_interval(secs => :lease), updated_at = now()
    FROM picked p WHERE v.document_id = p.document_id AND v.ordinal = p.ordinal
    RETURNING v.*, CAST(extract(epoch FROM now() - p.updated_at) AS float8) AS waited_s)
SELECT c.*, d.name, d.parents, live.content_hash AS live_hash,
    live.description AS live_description, source.result AS drawn,
    (SELECT t.state ->> 'chunking' FROM tenants t WHERE t.tenant = c.tenant) AS wished
FROM claimed c
JOIN documents d ON d.document_id = c.document_id
LEFT JOIN versions source ON source.document_id = c.document_id AND source.ordinal = c.drawn_from
LEFT JOIN LATERAL (
    SELECT content_hash, description FROM versions l
    WHERE c.ordinal > 1 AND NOT c.anew AND l.document_id = c.document_id AND l.ordinal < c.ordinal
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
WHERE claim = ANY(CAST(:claims AS text[])) AND status IN {working}
RETURNING claim"""

    async def renew(self, claims: Sequence[Claim]) -> set[str]:
        values = {"claims": [claim.claim for claim in claims], "lease": self._times.lease_s}
        async with self._database.transaction() as transaction:
            return {row.claim for row in await transaction.execute(self._RENEW, values)}

    _HELD = """
SELECT claim FROM versions
WHERE claim = ANY(CAST(:claims AS text[])) AND status IN {working}"""

    _NOTE = """
UPDATE versions v SET status = 'embedding', progress = r.progress
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(claim text, progress real)
WHERE v.claim = r.claim AND v.status IN {working}
    AND (v.status <> 'embedding' OR v.progress IS DISTINCT FROM r.progress)"""

    async def watch(self, claims: Sequence[Claim], embedding: Sequence[Claim]) -> set[str]:
        rows = [{"claim": one.claim, "progress": one.tally.progress} for one in embedding]
        async with self._database.transaction() as transaction:
            if rows:
                await transaction.execute(self._NOTE, {"rows": parameter(rows)})
            held = {"claims": [claim.claim for claim in claims]}
            return {row.claim for row in await transaction.execute(self._HELD, held)}

    _RELEASE = """
UPDATE versions
SET status = 'accepted', claim = NULL, attempts = attempts + :attempt, progress = NULL,
    cost_usd = cost_usd + CAST(:cost AS numeric),
    due_at = now() + make_interval(secs => :after), updated_at = now()
WHERE claim = :claim AND status IN {working}"""

    async def release(self, claim: Claim, *, after_s: float, counted: bool) -> None:
        values = {
            "claim": claim.claim,
            "after": after_s,
            "attempt": int(counted),
            "cost": str(claim.tally.cost_usd),
        }
        async with self._database.transaction() as transaction:
            await transaction.execute(self._RELEASE, values)

    async def finish(self, claim: Claim, result: Result) -> Announcement | None:
        if not await self._finished.add((claim, result)):
            return None
        return told(claim, "indexing", result=result)

    _FINISH = """
UPDATE versions v
SET status = 'indexing', due_at = now() + make_interval(secs => :resend), sends = 1,
    content_hash = r.content_hash, result = CAST(r.result AS jsonb), progress = NULL,
    text = CASE WHEN v.key IS NULL THEN v.text END,
    cost_usd = v.cost_usd + r.cost, updated_at = now()
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(claim text, content_hash text, result text, cost numeric)
WHERE v.claim = r.claim AND v.status IN {working}
RETURNING v.claim"""

    async def _finish_all(self, done: Sequence[tuple[Claim, Result]]) -> list[bool]:
        rows = [
            {
                "claim": claim.claim,
                "content_hash": result.content_hash,
                "result": as_json(RESULT, result),
                "cost": str(claim.tally.cost_usd),
            }
            for claim, result in done
        ]
        values = {"rows": parameter(rows), "resend": self._times.resend_s}
        async with self._database.transaction() as transaction:
            finished = {row.claim for row in await transaction.execute(self._FINISH, values)}
        return [claim.claim in finished for claim, _ in done]

    _SETTLE = """
UPDATE versions
SET status = :status, due_at = now() + make_interval(secs => :resend), progress = NULL,
    cost_usd = cost_usd + CAST(:cost AS numeric), fault = CAST(:fault AS jsonb), updated_at = now()
WHERE claim = :claim AND status IN {working}
RETURNING 1"""

    async def settle(self, claim: Claim, status: str, fault: Fault) -> Announcement | None:
        values = {
            "claim": claim.claim,
            "status": status,
            "fault": as_json(FAULT, fault),
            "cost": str(claim.tally.cost_usd),
            "resend": self._times.resend_s,
        }
        async with self._database.transaction() as transaction:
            if (await transaction.execute(self._SETTLE, values)).first() is None:
                return None
            if claim.parents:
                await parts.settled(transaction, [claim.document_id])
        return told(claim, status, fault=fault)

    _DUPLICATE = """
UPDATE versions
SET status = 'duplicate', due_at = now() + make_interval(secs => :purge_after), text = NULL,
    progress = NULL, updated_at = now()
WHERE claim = :claim AND status IN {working}"""

    async def duplicate(self, claim: Claim) -> None:
        values = {"claim": claim.claim, "purge_after": self._times.purge_after_s}
        async with self._database.transaction() as transaction:
            await transaction.execute(self._DUPLICATE, values)
            if claim.parents:
                await parts.settled(transaction, [claim.document_id])

    async def is_withdrawn(self, claim: Claim) -> bool:
        withdrawn = """
SELECT 1 FROM versions
WHERE document_id = :document_id AND ordinal = :ordinal AND status NOT IN {standing}"""
        values = {"document_id": claim.document_id, "ordinal": claim.ordinal}
        async with self._database.transaction() as transaction:
            return (await transaction.execute(withdrawn, values)).first() is not None

    async def ready(self, tenant: str, document_id: str, ordinal: int, chunks: int) -> bool:
        return await self._indexed.add((tenant, document_id, ordinal, chunks))

    # A count that differs leaves the version as it is and lets it be announced again.
    _READY = """
UPDATE versions v
SET status = CASE WHEN agrees THEN 'ready' ELSE v.status END,
    result = CASE WHEN agrees AND v.status <> 'ready' THEN jsonb_set(v.result,
        '{stages,indexing}', to_jsonb(extract(epoch FROM now() - v.updated_at)))
        ELSE v.result END,
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

    # What was indexed is kept until there are too many.
    _REPLACE = """
UPDATE versions v
SET status = 'superseded', updated_at = now(), due_at = CASE
    WHEN v.status NOT IN {indexed} THEN now() + make_interval(secs => :purge_after) END
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text, ordinal integer)
WHERE v.document_id = r.document_id AND v.ordinal < r.ordinal
    AND v.status IN {current}"""

    # One whose manifest a waiting version is drawn from is let go of when that one is ready.
    _LET_GO = """
UPDATE versions v SET due_at = now() + make_interval(secs => :purge_after)
FROM (
    SELECT k.document_id, k.ordinal,
        row_number() OVER (PARTITION BY k.document_id ORDER BY k.ordinal DESC) AS place
    FROM versions k
    WHERE k.document_id IN (
            SELECT document_id FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text))
        AND k.result IS NOT NULL AND k.purged_at IS NULL
        AND (k.status IN {indexed} OR k.status IN {replaced})) k
WHERE v.document_id = k.document_id AND v.ordinal = k.ordinal AND k.place > :kept
    AND v.status IN {replaced} AND v.due_at IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM versions w
        WHERE w.document_id = v.document_id AND w.drawn_from = v.ordinal
            AND w.status IN {claimable})"""

    async def _ready_all(self, answers: Sequence[tuple[str, str, int, int]]) -> list[bool]:
        async with self._database.transaction() as transaction:
            # Its last part lets it be announced again.
            waiting = await parts.waiting(transaction, {(one[1], one[2]) for one in answers})
            rows = [
                {"tenant": tenant, "document_id": document, "ordinal": ordinal, "chunks": chunks}
                for tenant, document, ordinal, chunks in set(answers)
                if (document, ordinal) not in waiting
            ]
            values = {"rows": parameter(rows), "resend": self._times.resend_s}
            ready = await transaction.execute(self._READY, values)
            agreed = {(row.document_id, row.ordinal) for row in ready if row.agreed}
            later = [{"document_id": document, "ordinal": n} for document, n in agreed if n > 1]
            if later:
                replacing = {"rows": parameter(later), "purge_after": self._times.purge_after_s}
                await transaction.execute(self._REPLACE, replacing)
                await transaction.execute(self._LET_GO, replacing | {"kept": self._kept})
                await parts.delete_dropped(transaction, agreed)
            await parts.settled(transaction, {document for document, _ in agreed})
        return [(document, ordinal) in agreed for _, document, ordinal, _ in answers]

    _REFUSE = f"""
UPDATE versions v
SET status = 'failed', fault = CAST(:fault AS jsonb), updated_at = now(),
    due_at = now() + make_interval(secs => :resend)
FROM documents d
WHERE v.document_id = :document_id AND v.ordinal = :ordinal AND v.tenant = :tenant
    AND v.status = 'indexing' AND d.document_id = v.document_id
RETURNING {ANNOUNCED}"""

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
            await parts.settled(transaction, [document_id] if row else [])
            return announcement_of(row) if row else None

    # 15 minutes at most between two attempts. `indexing` is as old as its last change.
    _DUE = f"""
WITH due AS (
    SELECT document_id, ordinal,
        status = 'indexing' AND updated_at <= now() - make_interval(secs => :answer) AS late
    FROM versions
    WHERE status IN {{announced}} AND due_at <= now()
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE versions v
SET sends = v.sends + 1,
    due_at = now() + make_interval(secs => least(:resend * power(2, least(v.sends, 10)), 900)),
    status = CASE WHEN due.late THEN 'failed' ELSE v.status END,
    fault = CASE WHEN due.late THEN CAST(:fault AS jsonb) ELSE v.fault END,
    updated_at = CASE WHEN due.late THEN now() ELSE v.updated_at END
FROM due JOIN documents d ON d.document_id = due.document_id
WHERE v.document_id = due.document_id AND v.ordinal = due.ordinal
RETURNING {ANNOUNCED}"""

    async def due(self, limit: int = 100) -> list[Announcement]:
        values = {
            "limit": limit,
            "resend": self._times.resend_s,
            "answer": self._times.answer_s,
            "fault": as_json(FAULT, _NOT_INDEXED),
        }
        async with self._database.transaction() as transaction:
            rows = await transaction.execute(self._DUE, values)
            found = [announcement_of(row) for row in rows.mappings()]
            failed = {one.document_id for one in found if one.parents and one.status == "failed"}
            await parts.settled(transaction, failed)
            return found

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
        awaited_until=row["awaited_until"],
        live_hash=row["live_hash"],
        live_description=DESCRIPTION.validate_python(live) if live else None,
        tally=Tally({"waiting": row["waited_s"]}),
        drawn_from=row["drawn_from"],
        drawn=RESULT.validate_python(row["drawn"]) if row["drawn"] else None,
        parents=tuple(row["parents"]),
        wished=wished(row["wished"]),
    )
