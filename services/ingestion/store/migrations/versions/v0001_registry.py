"""Registry, worklist and vector cache."""

from alembic import op

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE documents (
    document_id     text PRIMARY KEY,
    tenant          text NOT NULL,
    name            text NOT NULL,
    last_ordinal    integer NOT NULL DEFAULT 0,
    -- Deleted means: deleted_ordinal = last_ordinal. A later version brings the document back.
    deleted_ordinal integer NOT NULL DEFAULT 0,
    -- When the deletion has to be announced and purged (again), NULL when that is done.
    purge_at        timestamptz,
    deleted_by      jsonb,
    sequencer       text,
    cited           bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX documents_newest ON documents (tenant, created_at DESC, document_id DESC);

CREATE INDEX documents_purge ON documents (purge_at) WHERE purge_at IS NOT NULL;

CREATE TABLE versions (
    document_id  text NOT NULL REFERENCES documents,
    ordinal      integer NOT NULL,
    tenant       text NOT NULL,
    status       text NOT NULL,
    -- accepted: when it may start. processing: when its lease ends. indexing, rejected, failed:
    -- when to announce it again. superseded, duplicate: when to remove its objects.
    due_at       timestamptz,
    claim        text,
    attempts     integer NOT NULL DEFAULT 0,
    sends        integer NOT NULL DEFAULT 0,
    origin       jsonb NOT NULL,
    description  jsonb NOT NULL,
    media_type   text,
    text         text,
    key          text,
    content_hash text,
    result       jsonb,
    fault        jsonb,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (document_id, ordinal)
);

CREATE INDEX versions_work ON versions (tenant, due_at)
    WHERE status IN ('accepted', 'processing');

CREATE INDEX versions_claim ON versions (claim) WHERE status = 'processing';

CREATE INDEX versions_announce ON versions (due_at)
    WHERE status IN ('indexing', 'rejected', 'failed') AND due_at IS NOT NULL;

CREATE INDEX versions_clean ON versions (due_at)
    WHERE status IN ('superseded', 'duplicate') AND due_at IS NOT NULL;

CREATE INDEX versions_key ON versions (key) WHERE key IS NOT NULL;

CREATE TABLE intakes (
    tenant     text NOT NULL,
    message_id text NOT NULL,
    taken_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, message_id)
);

CREATE INDEX intakes_taken ON intakes (taken_at);

CREATE TABLE vectors (
    key         bytea PRIMARY KEY,
    document_id text NOT NULL,
    vector      bytea NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX vectors_document ON vectors (document_id);

CREATE INDEX vectors_made ON vectors (made_at)
"""


def upgrade() -> None:
    # asyncpg prepares each statement, so they go one by one.
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
