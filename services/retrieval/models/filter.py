"""Which passages a query may touch: a scope, and in it a filter on documents."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from services.retrieval.models.document import Value, Version

FieldName = Literal["document_id", "name", "media_type", "tags", "created_at", "metadata"]
# NUL ends a text in SQLite's JSON, and half of a surrogate pair is no UTF-8.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Field:
    """`key` is the metadata's own; empty for any other field."""

    name: FieldName
    key: str = ""


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field's value, or one of its values (tags), is among these; types must be the same."""

    field: Field
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class NamePrefix:
    """The name begins with this text; letter case counts."""

    text: str


@dataclass(frozen=True, slots=True)
class Bound:
    """Text, a number, or for `created_at` milliseconds since 1970 in UTC."""

    value: str | int | float
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Range:
    """At least one bound; both of one type. Values of another type lie outside."""

    field: Field
    low: Bound | None = None
    high: Bound | None = None

    @property
    def bounds(self) -> tuple[Bound, ...]:
        return tuple(bound for bound in (self.low, self.high) if bound is not None)


@dataclass(frozen=True, slots=True)
class And:
    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Filter"


Filter = OneOf | NamePrefix | Range | And | Or | Not


@dataclass(frozen=True, slots=True)
class Scope:
    """Part of every query to a store; it is never applied to a query's results.

    `visible_to` is the principal's own set; what the whole tenant may see is always in scope.
    """

    tenant: str
    visible_to: tuple[str, ...] = ()
    filter: Filter | None = None

    def __post_init__(self) -> None:
        """Leaves out principals that no document can name."""
        kept = tuple(name for name in self.visible_to if not UNSTORABLE.search(name))
        object.__setattr__(self, "visible_to", kept)


def matches(wanted: Filter, version: Version) -> bool:
    """The meaning that every store's own query must agree with."""
    match wanted:
        case And(parts):
            return all(matches(part, version) for part in parts)
        case Or(parts):
            return any(matches(part, version) for part in parts)
        case Not(part):
            return not matches(part, version)
        case NamePrefix(text):
            return version.name.startswith(text)
        case OneOf(field, values):
            found = {_typed(value) for value in _values(version, field)}
            return not found.isdisjoint(_typed(value) for value in values)
        case Range(field):
            return any(_inside(wanted, value) for value in _values(version, field))


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down; a moment without a zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def _values(version: Version, field: Field) -> Collection[Value]:
    match field.name:
        case "tags":
            return version.tags
        case "document_id":
            return (version.document_id, *version.parents)
        case "created_at":
            return (epoch_ms(version.created_at),)
        case "metadata":
            return (version.metadata[field.key],) if field.key in version.metadata else ()
        case name:
            return (getattr(version, name),)


def _typed(value: Value) -> tuple[str, str | float]:
    """Numbers are of a float's precision, dates are their ISO text, and truth is no number."""
    if isinstance(value, bool):
        return "truth", float(value)
    if isinstance(value, int | float):
        return "number", _float(value)
    return "text", value.isoformat() if isinstance(value, date) else value


def _inside(wanted: Range, value: Value) -> bool:
    found = _typed(value)
    low, high = wanted.low, wanted.high
    if any(_typed(bound.value)[0] != found[0] for bound in wanted.bounds):
        return False
    above = low is None or found > (at := _typed(low.value)) or (low.inclusive and found == at)
    return above and (
        high is None or found < (at := _typed(high.value)) or (high.inclusive and found == at)
    )


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
