"""Documents whose object is still on its way."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # Until when it may come.
    op.execute("ALTER TABLE versions ADD COLUMN awaited_until timestamptz")
