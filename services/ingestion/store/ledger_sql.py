"""The ledger's statements; a claim is a fresh id, so an old holder can change nothing."""

from services.ingestion.store.registry_sql import CLEAN_AFTER

# Steps from tenant to tenant in the index, so its cost is the tenants', not the backlog's.
WAITING_TENANTS = """
WITH RECURSIVE waiting(tenant) AS (
    (SELECT tenant FROM versions WHERE status IN ('accepted', 'processing')
     ORDER BY tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT v.tenant FROM versions v
            WHERE v.status IN ('accepted', 'processing') AND v.tenant > w.tenant
            ORDER BY v.tenant LIMIT 1)
    FROM waiting w WHERE w.tenant IS NOT NULL)
SELECT w.tenant,
    (SELECT count(*) FROM versions v
     WHERE v.tenant = w.tenant AND v.status = 'processing' AND v.due_at > now()) AS running
FROM waiting w
WHERE w.tenant IS NOT NULL AND EXISTS (
    SELECT 1 FROM versions v
    WHERE v.tenant = w.tenant AND v.status IN ('accepted', 'processing') AND v.due_at <= now())"""

CLAIM = """
WITH picked AS (
    SELECT v.document_id, v.ordinal
    FROM jsonb_to_recordset(CAST(:shares AS jsonb)) AS s(tenant text, slots integer)
    CROSS JOIN LATERAL (
        SELECT document_id, ordinal FROM versions
        WHERE tenant = s.tenant AND status IN ('accepted', 'processing') AND due_at <= now()
        ORDER BY due_at LIMIT s.slots FOR UPDATE SKIP LOCKED) v),
claimed AS (
    UPDATE versions v
    SET status = 'processing', claim = gen_random_uuid()::text, attempts = v.attempts + 1,
        due_at = now() + make_interval(secs => :lease), updated_at = now()
    FROM picked p WHERE v.document_id = p.document_id AND v.ordinal = p.ordinal
    RETURNING v.*)
SELECT c.*, d.name, live.content_hash AS live_hash, live.description AS live_description
FROM claimed c
JOIN documents d ON d.document_id = c.document_id
LEFT JOIN LATERAL (
    SELECT content_hash, description FROM versions l
    WHERE c.ordinal > 1 AND l.document_id = c.document_id AND l.ordinal < c.ordinal
        AND l.status IN ('indexing', 'ready')
    ORDER BY l.ordinal DESC LIMIT 1) live ON true"""

RENEW = """
UPDATE versions SET due_at = now() + make_interval(secs => :lease)
WHERE claim = ANY(CAST(:claims AS text[])) AND status = 'processing'
RETURNING claim"""

RELEASE = """
UPDATE versions
SET status = 'accepted', claim = NULL, attempts = attempts - :attempt,
    due_at = now() + make_interval(secs => :after), updated_at = now()
WHERE claim = :claim AND status = 'processing'"""

FINISH = """
UPDATE versions v
SET status = 'indexing', due_at = now() + make_interval(secs => :resend), sends = 1,
    text = NULL, content_hash = r.content_hash, result = CAST(r.result AS jsonb),
    updated_at = now()
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(claim text, content_hash text, result text)
WHERE v.claim = r.claim AND v.status = 'processing'
RETURNING v.claim"""

SETTLE = """
UPDATE versions
SET status = :status, due_at = now() + make_interval(secs => :resend), text = NULL,
    fault = CAST(:fault AS jsonb), updated_at = now()
WHERE claim = :claim AND status = 'processing'
RETURNING 1"""

DUPLICATE = f"""
UPDATE versions
SET status = 'duplicate', due_at = now() + {CLEAN_AFTER}, text = NULL, updated_at = now()
WHERE claim = :claim AND status = 'processing'"""

STATUS = "SELECT status FROM versions WHERE document_id = :document_id AND ordinal = :ordinal"

# A count that differs leaves the version as it is and lets it be announced again.
READY = """
UPDATE versions v
SET status = CASE WHEN agrees THEN 'ready' ELSE v.status END,
    due_at = CASE WHEN agrees THEN NULL ELSE now() + make_interval(secs => :resend) END,
    updated_at = now()
FROM (
    SELECT r.document_id, r.ordinal,
        CAST(o.result -> 'counts' ->> 'chunks' AS integer) = r.chunks AS agrees
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS r(document_id text, ordinal integer, chunks integer)
    JOIN versions o ON o.document_id = r.document_id AND o.ordinal = r.ordinal) r
WHERE v.document_id = r.document_id AND v.ordinal = r.ordinal
    AND v.status IN ('indexing', 'ready')
RETURNING v.document_id, v.ordinal, v.status = 'ready' AS agreed"""

REPLACE = f"""
UPDATE versions v
SET status = 'superseded', due_at = now() + {CLEAN_AFTER}, text = NULL, updated_at = now()
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text, ordinal integer)
WHERE v.document_id = r.document_id AND v.ordinal < r.ordinal
    AND v.status IN ('accepted', 'processing', 'indexing', 'ready', 'rejected', 'failed')"""

# 15 minutes at most between two attempts, for as long as it takes.
DUE = """
WITH due AS (
    SELECT document_id, ordinal FROM versions
    WHERE status IN ('indexing', 'rejected', 'failed') AND due_at <= now()
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE versions v
SET sends = v.sends + 1,
    due_at = now() + make_interval(secs => least(:resend * power(2, least(v.sends, 10)), 900))
FROM due JOIN documents d ON d.document_id = due.document_id
WHERE v.document_id = due.document_id AND v.ordinal = due.ordinal
RETURNING v.*, d.name"""

ANNOUNCED = """
UPDATE versions SET due_at = NULL
WHERE document_id = :document_id AND ordinal = :ordinal AND status IN ('rejected', 'failed')"""
