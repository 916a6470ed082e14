"""Versions drawn from others, what is kept of old ones, and where a document came from."""

from alembic import op

revision = "0005"
down_revision = "0004"

_CHANGES = """
ALTER TABLE versions
    -- The version whose manifest this one takes over.
    ADD COLUMN drawn_from integer,
    ADD COLUMN etag text,
    -- When its objects were removed. A replaced version without it and without due_at is kept.
    ADD COLUMN purged_at timestamptz;

UPDATE versions SET purged_at = updated_at
WHERE status IN ('superseded', 'duplicate') AND due_at IS NULL;

ALTER TABLE documents
    -- The user of the first version, and the way it came in: http, drop, message or part.
    ADD COLUMN owner text,
    ADD COLUMN source text;

UPDATE documents d
SET owner = v.origin ->> 'principal',
    source = CASE WHEN v.key LIKE 'uploads/%' THEN 'http' WHEN v.key LIKE 'inbox/%' THEN 'drop'
        WHEN v.text IS NOT NULL THEN 'message' END
FROM versions v
WHERE v.document_id = d.document_id AND v.ordinal = d.deleted_ordinal + 1
"""


def upgrade() -> None:
    # asyncpg prepares each statement, so they go one by one.
    for statement in _CHANGES.split(";\n"):
        op.execute(statement)
