"""Tenants in PostgreSQL: a row each, with the time until which its work waits."""

from collections.abc import Callable
from datetime import datetime

from services.ingestion.models.tenant import Tenant
from services.ingestion.store.database import Database


class Tenants:
    """Implements services.ports.Tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    _MAKE = "INSERT INTO tenants (tenant) VALUES (:tenant) ON CONFLICT DO NOTHING"
    _LOCK = "SELECT state FROM tenants WHERE tenant = :tenant FOR UPDATE"
    _CHANGE = """
UPDATE tenants
SET state = CAST(:state AS jsonb), waits_until = :until, waits_for = :why
WHERE tenant = :tenant"""

    async def update(self, tenant: str, change: Callable[[Tenant], Tenant], now: datetime) -> None:
        named = {"tenant": tenant}
        async with self._database.transaction() as transaction:
            await transaction.execute(self._MAKE, named)
            row = (await transaction.execute(self._LOCK, named)).mappings().one()
            changed = change(Tenant.model_validate(row["state"]))
            waiting = changed.waiting(now)
            values = {
                "tenant": tenant,
                "state": changed.model_dump_json(),
                "until": waiting.until if waiting else None,
                "why": waiting.why if waiting else None,
            }
            await transaction.execute(self._CHANGE, values)
