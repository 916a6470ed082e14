"""Parts: documents that came inside of another one."""

from alembic import op

revision = "0007"
down_revision = "0006"

_CHANGES = """
ALTER TABLE documents
    -- The documents that a part is in, from the nearest to the outermost; empty: no part.
    ADD COLUMN parents        text[] NOT NULL DEFAULT '{}',
    -- The nearest one's newest version that has the part.
    ADD COLUMN parent_ordinal integer NOT NULL DEFAULT 0,
    -- Bytes of the part.
    ADD COLUMN size           bigint NOT NULL DEFAULT 0;

CREATE INDEX documents_parts ON documents USING gin (parents) WHERE parents <> '{}'
"""


def upgrade() -> None:
    # asyncpg prepares each statement, so they go one by one.
    for statement in _CHANGES.split(";\n"):
        op.execute(statement)
