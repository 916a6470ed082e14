"""A Scope as SQL: the tenant's row ids, the audiences that hold the principal, the live heads."""

import json
import sqlite3
from dataclasses import dataclass, field

from services.retrieval.models.scope import Scope
from services.retrieval.store.sqlite.filtering import Condition, condition
from services.retrieval.store.sqlite.schema import EVERYONE, TENANT_SHIFT

# Joined to `passages p` in every search. The heads are looked at here too, so that versions which
# are not shown never fill the first k.
JOINS = """
CROSS JOIN versions v ON v.id = p.version
CROSS JOIN heads h ON h.tenant = v.tenant AND h.document_id = v.document_id
  AND h.ordinal = v.ordinal AND h.live
"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A scope resolved: the tenant's number, the principal's audiences, the filter's condition."""

    tenant: int
    audiences: tuple[int, ...]
    filter: Condition = field(default=Condition("TRUE"))

    @property
    def first_row(self) -> int:
        return self.tenant << TENANT_SHIFT

    @property
    def last_row(self) -> int:
        return ((self.tenant + 1) << TENANT_SHIFT) - 1

    @property
    def where(self) -> str:
        """A condition over `p`, `v` and `h`; its values are `values`."""
        marks = ", ".join("?" * len(self.audiences))
        return f"v.tenant = ? AND v.audience IN ({marks}) AND {self.filter.sql}"

    @property
    def values(self) -> tuple[str | int | float, ...]:
        return (self.tenant, *self.audiences, *self.filter.values)


def tenant_number(connection: sqlite3.Connection, tenant: str) -> int | None:
    row = connection.execute("SELECT id FROM tenants WHERE name = ?", (tenant,)).fetchone()
    return row[0] if row else None


def resolve(connection: sqlite3.Connection, scope: Scope) -> Bounds | None:
    """None for a tenant of whom nothing was ever indexed."""
    tenant = tenant_number(connection, scope.tenant)
    if tenant is None:
        return None
    rows = connection.execute(
        "SELECT DISTINCT audience FROM members "
        "WHERE tenant = ? AND principal IN (SELECT value FROM json_each(?))",
        (tenant, json.dumps([EVERYONE, *scope.visible_to])),
    )
    audiences = tuple(row[0] for row in rows)
    return Bounds(tenant, audiences, condition(scope.filter) if scope.filter else Condition("TRUE"))
