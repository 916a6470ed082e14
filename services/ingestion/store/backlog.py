"""The backlog: how many versions wait for a worker, and since when."""

from services.ingestion.models.version import Waiting
from services.ingestion.store.database import Database


class Backlog:
    """Implements services.ports.Backlog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Those that Worklist.claim would give out: a tenant who waits for money or permission has none.
    _WAITING = """
SELECT count(*) AS documents,
    coalesce(extract(epoch FROM now() - min(v.due_at)), 0) AS oldest_s
FROM versions v
WHERE v.status IN {claimable} AND v.due_at <= now()
    AND (v.drawn_from IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM tenants t WHERE t.tenant = v.tenant AND t.waits_until > now()))"""

    async def waiting(self) -> Waiting:
        async with self._database.transaction() as transaction:
            row = (await transaction.execute(self._WAITING)).one()
        return Waiting(row.documents, float(row.oldest_s))
