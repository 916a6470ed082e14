"""The statements of cleaning."""

from services.ingestion.store.registry_sql import CLEAN_AFTER

PURGES = """
WITH due AS (
    SELECT document_id FROM documents WHERE purge_at <= now()
    ORDER BY purge_at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE documents d SET purge_at = now() + interval '30 seconds'
FROM due WHERE d.document_id = due.document_id
RETURNING d.document_id, d.name, d.deleted_ordinal, d.deleted_by, d.created_at"""

# An upload or drop that a standing version uses stays: then `key` is NULL here.
_OWN_KEY = """
CASE WHEN NOT EXISTS (
    SELECT 1 FROM versions o
    WHERE o.key = v.key AND o.status NOT IN ('superseded', 'duplicate', 'deleted'))
THEN v.key END AS key"""

# Purged versions have neither key nor result; a dead worker's lease may hide one more manifest.
OBJECTS = f"""
SELECT v.ordinal, {_OWN_KEY} FROM versions v
WHERE v.document_id = :document_id AND v.status = 'deleted'
    AND (v.key IS NOT NULL OR v.result IS NOT NULL OR v.due_at IS NOT NULL)"""

# A worker killed in the middle may have left a manifest: look again when its lease has ended.
PURGED = """
UPDATE documents d SET
    name = CASE WHEN d.deleted_ordinal = d.last_ordinal THEN d.document_id ELSE d.name END,
    purge_at = (SELECT max(v.due_at) + interval '5 seconds' FROM versions v
        WHERE v.document_id = d.document_id AND v.status = 'deleted' AND v.due_at > now())
WHERE d.document_id = :document_id AND d.deleted_ordinal = :ordinal"""

FORGET = """
UPDATE versions
SET key = NULL, result = NULL, origin = '{}', due_at = CASE WHEN due_at > now() THEN due_at END
WHERE document_id = :document_id AND status = 'deleted'"""

FORGET_VECTORS = "DELETE FROM vectors WHERE document_id = :document_id"

FORGET_EXTRACTIONS = "DELETE FROM extractions WHERE document_id = :document_id"

REPLACED = f"""
WITH due AS (
    SELECT document_id, ordinal FROM versions
    WHERE status IN ('superseded', 'duplicate') AND due_at <= now()
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE versions v SET due_at = now() + {CLEAN_AFTER}
FROM due WHERE v.document_id = due.document_id AND v.ordinal = due.ordinal
RETURNING v.tenant, v.document_id, v.ordinal, {_OWN_KEY}"""

CLEANED = """
UPDATE versions SET due_at = NULL, key = NULL
WHERE document_id = :document_id AND ordinal = :ordinal
    AND status IN ('superseded', 'duplicate')"""

# Longer than a message can come back: 4 days in a queue, then 14 among the dead letters.
FORGET_MESSAGES = "DELETE FROM intakes WHERE taken_at < now() - interval '30 days'"
