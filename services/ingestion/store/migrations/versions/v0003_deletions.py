"""Deletions that come before their document, refused offers, and interrupted claims."""

from alembic import op

revision = "0003"
down_revision = "0002"

_CHANGES = """
-- When the broker took the newest deletion: an offer that it took before is passed over.
ALTER TABLE documents ADD COLUMN deleted_at timestamptz;

ALTER TABLE intakes
    ADD COLUMN document_id text,
    -- A deletion came before the message, so nothing becomes of it.
    ADD COLUMN deleted boolean NOT NULL DEFAULT false,
    -- Why it was refused.
    ADD COLUMN fault jsonb;

CREATE INDEX intakes_by_hand ON intakes (document_id) WHERE message_id LIKE 'hand-%';

-- Claims that ended without a word; `attempts` counts those that failed.
ALTER TABLE versions ADD COLUMN interruptions integer NOT NULL DEFAULT 0
"""


def upgrade() -> None:
    # asyncpg prepares each statement, so they go one by one.
    for statement in _CHANGES.split(";\n"):
        op.execute(statement)
