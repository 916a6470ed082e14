"""The cache of what a model read in passages."""

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = """
CREATE TABLE extractions (
    key         bytea PRIMARY KEY,
    document_id text NOT NULL,
    -- JSON; null when the model's answer was of no use.
    answer      text NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX extractions_document ON extractions (document_id);

CREATE INDEX extractions_made ON extractions (made_at)
"""


def upgrade() -> None:
    # asyncpg prepares each statement, so they go one by one.
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
