"""A Scope in SQL: the tenant's row ids, the principal's audiences, the live heads, the filter."""

import json
import sqlite3
from dataclasses import dataclass, field

from services.retrieval.models.filter import (
    And,
    Filter,
    NamePrefix,
    Not,
    OneOf,
    Or,
    Range,
    Scope,
)
from services.retrieval.store.metadata_terms import term, term_range
from services.retrieval.store.sqlite.schema import EVERYONE, TENANT_SHIFT

# Joined to `passages p` in every search. The heads are looked at here too, so that versions which
# are not shown never fill the first k.
JOINS = """
CROSS JOIN versions v ON v.id = p.version
CROSS JOIN heads h ON h.tenant = v.tenant AND h.document_id = v.document_id
  AND h.ordinal = v.ordinal AND h.live
"""
_FACT = "EXISTS (SELECT 1 FROM facts f WHERE f.version = v.id AND f.field = ? AND {})"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition over `versions v`: `values` are for the marks in `sql`, in order."""

    sql: str
    values: tuple[str | int | float, ...] = ()


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


def condition(wanted: Filter) -> Condition:
    match wanted:
        case And(parts):
            return _joined(" AND ", parts)
        case Or(parts):
            return _joined(" OR ", parts)
        case Not(part):
            inner = condition(part)
            return Condition(f"NOT {inner.sql}", inner.values)
        case NamePrefix(text):
            # LIKE would fold letter case and read % and _ as its own.
            return Condition("(instr(v.name, ?) = 1)", (text,))
        case OneOf():
            return _one_of(wanted)
        case Range():
            return _range(wanted)


def _joined(word: str, parts: tuple[Filter, ...]) -> Condition:
    inner = [condition(part) for part in parts]
    values = tuple(value for part in inner for value in part.values)
    return Condition(f"({word.join(part.sql for part in inner)})", values)


def _one_of(wanted: OneOf) -> Condition:
    name = wanted.field.name
    marks = f"IN ({', '.join('?' * len(wanted.values))})"
    if name == "metadata":
        terms = (term(wanted.field.key, value) for value in wanted.values)
        return Condition(_FACT.format(f"f.value {marks}"), (name, *terms))
    texts = tuple(str(value) for value in wanted.values)
    if name == "tags":
        return Condition(_FACT.format(f"f.value {marks}"), (name, *texts))
    if name == "document_id":
        part = _FACT.format(f"f.value {marks}")
        return Condition(f"(v.document_id {marks} OR {part})", (*texts, "parents", *texts))
    return Condition(f"(v.{name} {marks})", texts)


def _range(wanted: Range) -> Condition:
    name = wanted.field.name
    if name == "created_at":
        ends = (("f.value >", wanted.low), ("f.value <", wanted.high))
        tests = [f"{test}{'=' * end.inclusive} ?" for test, end in ends if end is not None]
        values = (end.value for end in wanted.bounds)
        return Condition(_FACT.format(" AND ".join(tests)), (name, *values))
    terms = term_range(wanted)
    above, below = "=" * terms.low_inclusive, "=" * terms.high_inclusive
    test = f"f.value >{above} ? AND f.value <{below} ?"
    return Condition(_FACT.format(test), (name, terms.low, terms.high))
