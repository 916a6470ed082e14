"""The registry's statements. Many rows travel as one JSON parameter: one plan for every size."""

# Objects of a replaced version stay a while, since retrieval may be about to read its manifest.
CLEAN_AFTER = "interval '10 minutes'"

SEE = """
INSERT INTO intakes (tenant, message_id)
SELECT tenant, message_id
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(tenant text, message_id text)
ORDER BY 1, 2
ON CONFLICT DO NOTHING
RETURNING tenant, message_id"""

WAS_TAKEN_IN = "SELECT 1 FROM intakes WHERE tenant = :tenant AND message_id = :message_id"

LOCK_DOCUMENTS = """
INSERT INTO documents (document_id, tenant, name)
SELECT document_id, tenant, name
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text, tenant text, name text)
ORDER BY document_id
ON CONFLICT (document_id) DO UPDATE SET name = excluded.name
RETURNING document_id, last_ordinal, sequencer"""

NEWEST_VERSIONS = """
SELECT DISTINCT ON (document_id) document_id, status, content_hash, description
FROM versions
WHERE document_id = ANY(CAST(:ids AS text[])) AND status NOT IN ('superseded', 'duplicate')
ORDER BY document_id, ordinal DESC"""

ADVANCE = """
UPDATE documents d SET last_ordinal = r.ordinal, sequencer = r.sequencer, updated_at = now()
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(document_id text, ordinal integer, sequencer text)
WHERE d.document_id = r.document_id"""

SUPERSEDE = f"""
UPDATE versions v
SET status = 'superseded', due_at = now() + {CLEAN_AFTER}, text = NULL, claim = NULL
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text, ordinal integer)
WHERE v.document_id = r.document_id AND v.ordinal < r.ordinal
    AND v.status IN ('accepted', 'processing')"""

INSERT_VERSIONS = """
INSERT INTO versions (document_id, ordinal, tenant, status, due_at, origin, description,
    media_type, text, key, content_hash, fault)
SELECT document_id, ordinal, tenant, status, now(), CAST(origin AS jsonb),
    CAST(description AS jsonb), media_type, text, key, content_hash, CAST(fault AS jsonb)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(document_id text, ordinal integer,
    tenant text, status text, origin text, description text, media_type text, text text,
    key text, content_hash text, fault text)"""

_SHOWN = """
SELECT d.document_id, d.name, d.cited, d.created_at,
    coalesce(v.updated_at, d.updated_at) AS updated_at,
    d.last_ordinal AS ordinal, coalesce(v.status, 'deleted') AS status,
    v.description, v.media_type, v.result, v.fault
FROM documents d
LEFT JOIN LATERAL (
    SELECT * FROM versions v
    WHERE v.document_id = d.document_id AND v.ordinal > d.deleted_ordinal
        AND v.status NOT IN ('superseded', 'duplicate')
    ORDER BY v.ordinal DESC LIMIT 1) v ON true
"""

_VISIBLE = """
    AND (CAST(:visible_to AS text[]) IS NULL
        OR coalesce(v.description -> 'visibility', 'null') = 'null'
        OR (v.description -> 'visibility') ?| CAST(:visible_to AS text[]))
"""

GET = _SHOWN + "WHERE d.document_id = :document_id AND d.tenant = :tenant" + _VISIBLE

PAGE = (
    _SHOWN
    + """
WHERE d.tenant = :tenant AND d.deleted_ordinal < d.last_ordinal
"""
    + _VISIBLE
    + """
    AND (CAST(:at AS timestamptz) IS NULL
        OR (d.created_at, d.document_id) < (CAST(:at AS timestamptz), CAST(:id AS text)))
ORDER BY d.created_at DESC, d.document_id DESC
LIMIT :limit"""
)

DELETE = """
UPDATE documents
SET deleted_ordinal = last_ordinal, deleted_by = CAST(:origin AS jsonb), purge_at = now(),
    updated_at = now()
WHERE document_id = :document_id AND tenant = :tenant
RETURNING name, last_ordinal, created_at"""

# A worker may be about to write a manifest: its lease's end stays, and the purge waits for it.
DELETE_VERSIONS = """
UPDATE versions
SET status = 'deleted', due_at = CASE WHEN status = 'processing' THEN due_at END, claim = NULL,
    text = NULL, fault = NULL, description = '{}', updated_at = now()
WHERE document_id = :document_id AND status <> 'deleted'"""

CITE = """
UPDATE documents SET cited = cited + 1
WHERE document_id IN (
    SELECT document_id FROM documents
    WHERE document_id = ANY(CAST(:ids AS text[])) AND tenant = :tenant
    ORDER BY document_id FOR UPDATE)"""
