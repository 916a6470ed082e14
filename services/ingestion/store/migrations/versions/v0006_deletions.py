"""Deletions with what each service purged, so that a deletion proves itself."""

from alembic import op

revision = "0006"
down_revision = "0005"

_CHANGES = """
CREATE TABLE deletions (
    document_id  text NOT NULL REFERENCES documents,
    -- The newest version that it deleted.
    ordinal      integer NOT NULL,
    deleted_at   timestamptz NOT NULL,
    -- The user; NULL for an operator's message.
    deleted_by   text,
    -- How often it was announced by upkeep.
    sends        integer NOT NULL DEFAULT 0,
    -- The services that have purged all that they held.
    confirmed    text[] NOT NULL DEFAULT '{}',
    completed_at timestamptz,
    PRIMARY KEY (document_id, ordinal)
);

CREATE TABLE purges (
    document_id text NOT NULL,
    ordinal     integer NOT NULL,
    service     text NOT NULL,
    place       text NOT NULL,
    removed     integer NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (document_id, ordinal, service, place)
);

-- Audits read a tenant's documents in the order in which S3 lists their keys.
CREATE INDEX documents_audit ON documents (tenant, document_id COLLATE "C");

INSERT INTO deletions (document_id, ordinal, deleted_at, deleted_by)
SELECT document_id, deleted_ordinal, coalesce(deleted_at, updated_at), deleted_by ->> 'principal'
FROM documents WHERE purge_at IS NOT NULL;

UPDATE versions v SET status = 'deleting'
FROM documents d
WHERE d.document_id = v.document_id AND d.purge_at IS NOT NULL AND v.status = 'deleted'
    AND v.ordinal <= d.deleted_ordinal
"""


def upgrade() -> None:
    # asyncpg prepares each statement, so they go one by one.
    for statement in _CHANGES.split(";\n"):
        op.execute(statement)
