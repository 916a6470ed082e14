"""Tenants: what ingestion knows of their limits, and until when work on their documents rests."""

from alembic import op

revision = "0009"
down_revision = "0008"

_TABLES = """
CREATE TABLE tenants (
    tenant      text PRIMARY KEY,
    state       jsonb NOT NULL DEFAULT '{}',
    -- No version of the tenant is claimed before; NULL when its work need not wait.
    waits_until timestamptz,
    waits_for   text
)
"""


def upgrade() -> None:
    op.execute(_TABLES)
