"""`processing` becomes `parsing` and `embedding`; what people steer and see of a version's work."""

from alembic import op

revision = "0004"
down_revision = "0003"

_CHANGES = """
DROP INDEX versions_work;

DROP INDEX versions_claim;

UPDATE versions SET status = 'parsing' WHERE status = 'processing';

CREATE INDEX versions_work ON versions (tenant, due_at)
    WHERE status IN ('accepted', 'parsing', 'embedding');

CREATE INDEX versions_claim ON versions (claim) WHERE status IN ('parsing', 'embedding');

-- For the list of what went wrong.
CREATE INDEX versions_faulty ON versions (tenant) WHERE status IN ('rejected', 'failed');

ALTER TABLE versions
    -- The part of the chunks that is embedded, 0 to 1; only while embedding.
    ADD COLUMN progress real,
    -- Model calls of all its attempts.
    ADD COLUMN cost_usd numeric NOT NULL DEFAULT 0,
    -- Read anew on purpose: the same content is no duplicate.
    ADD COLUMN anew boolean NOT NULL DEFAULT false
"""


def upgrade() -> None:
    # asyncpg prepares each statement, so they go one by one.
    for statement in _CHANGES.split(";\n"):
        op.execute(statement)
