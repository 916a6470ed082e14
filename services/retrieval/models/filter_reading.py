"""A filter from its JSON form; an error names the field that cannot be read."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.retrieval.models.document import Value
from services.retrieval.models.filter import (
    UNSTORABLE,
    And,
    Bound,
    Field,
    Filter,
    NamePrefix,
    Not,
    OneOf,
    Or,
    Range,
    epoch_ms,
)

MAX_DEPTH, MAX_CONDITIONS, MAX_VALUES, MAX_CHARACTERS = 8, 64, 100, 512
_TEXTS = ("eq", "in")
_ALLOWED: Mapping[str, Sequence[str]] = {
    "document_id": _TEXTS,
    "name": (*_TEXTS, "prefix"),
    "media_type": _TEXTS,
    "tags": _TEXTS,
    "created_at": ("range",),
    "metadata": (*_TEXTS, "range"),
}
_FIELDS = "document_id, name, media_type, tags, created_at and metadata.<key>"
_JOINTS = ("and", "or", "not")


class InvalidFilter(Exception):
    """Names the field, or the place in the filter, and says what is allowed there."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{UNSTORABLE.sub('?', where)}: {message}")


def read_filter(given: Mapping[str, Any]) -> Filter:
    """Raises InvalidFilter. contracts/retrieval/search.py describes the form."""
    if _count(given, MAX_DEPTH) > MAX_CONDITIONS:
        raise InvalidFilter("filter", f"at most {MAX_CONDITIONS} conditions are allowed")
    return _read(given)


def _count(given: object, depth: int) -> int:
    """The conditions in it, before anything else is looked at."""
    if depth < 0:
        raise InvalidFilter("filter", f"and, or and not may stand at most {MAX_DEPTH} deep")
    if not isinstance(given, Mapping):
        return 1
    inner = [part for joint in _JOINTS if joint in given for part in _listed(given[joint])]
    return sum(_count(part, depth - 1) for part in inner) or 1


def _listed(given: object) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _read(given: object) -> Filter:
    if not isinstance(given, Mapping):
        raise InvalidFilter("filter", "a condition is an object such as {'field': …, 'eq': …}")
    keys = set(given)
    if keys == {"not"}:
        return Not(_read(given["not"]))
    if keys in ({"and"}, {"or"}):
        (joint,) = keys
        parts = given[joint]
        if not isinstance(parts, list) or not parts:
            raise InvalidFilter(joint, "give a list of at least one condition")
        read = tuple(_read(part) for part in parts)
        return And(read) if joint == "and" else Or(read)
    return _condition(given)


def _condition(given: Mapping[str, Any]) -> Filter:
    name = given.get("field")
    if not isinstance(name, str):
        raise InvalidFilter("filter", "give 'and', 'or' or 'not' alone, or a 'field' with a test")
    field, (test, value) = _field(name), _test(name, given)
    match test:
        case "eq":
            return OneOf(field, (_value(name, field, value),))
        case "in":
            return OneOf(field, _several(name, field, value))
        case "prefix":
            return NamePrefix(_text(name, value))
        case _:
            return _range(name, field, value)


def _field(name: str) -> Field:
    start, _, key = name.partition(".")
    if start == "metadata" and key:
        return Field("metadata", _text(name, key))
    for known in ("document_id", "name", "media_type", "tags", "created_at"):
        if name == known:
            return Field(known)
    raise InvalidFilter(name[:MAX_CHARACTERS], f"there is no such field; there are {_FIELDS}")


def _test(name: str, given: Mapping[str, Any]) -> tuple[str, Any]:
    allowed = _ALLOWED[name.partition(".")[0]]
    tests = [(key, value) for key, value in given.items() if key != "field"]
    if len(tests) != 1 or tests[0][0] not in allowed:
        raise InvalidFilter(name, f"give exactly one of {', '.join(allowed)}")
    return tests[0]


def _several(name: str, field: Field, given: object) -> tuple[Value, ...]:
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_VALUES:
        raise InvalidFilter(name, f"'in' takes a list of 1 to {MAX_VALUES} values")
    return tuple(_value(name, field, value) for value in given)


def _value(name: str, field: Field, given: object) -> Value:
    if field.name == "metadata" and isinstance(given, bool):
        return given
    return _comparable(name, given) if field.name == "metadata" else _text(name, given)


def _range(name: str, field: Field, given: object) -> Range:
    if not isinstance(given, Mapping) or not given or set(given) - {"gt", "gte", "lt", "lte"}:
        raise InvalidFilter(name, "'range' takes an object of gt or gte, and lt or lte")
    read = _moment if field.name == "created_at" else _comparable
    low, high = (
        [Bound(read(name, given[key]), inclusive) for key, inclusive in sides if key in given]
        for sides in ((("gt", False), ("gte", True)), (("lt", False), ("lte", True)))
    )
    if len(low) > 1 or len(high) > 1:
        raise InvalidFilter(name, "give only one of gt and gte, and only one of lt and lte")
    if len({isinstance(bound.value, str) for bound in (*low, *high)}) > 1:
        raise InvalidFilter(name, "both ends of a range must be texts, or both numbers")
    return Range(field, next(iter(low), None), next(iter(high), None))


def _moment(name: str, given: object) -> int:
    try:
        return epoch_ms(datetime.fromisoformat(_text(name, given)))
    except ValueError:
        raise InvalidFilter(
            name, "give an ISO date, such as 2024-05-01 or 2024-05-01T12:00Z"
        ) from None


def _comparable(name: str, given: object) -> str | int | float:
    if isinstance(given, int | float) and not isinstance(given, bool):
        if isinstance(given, int) or math.isfinite(given):
            return given
    elif isinstance(given, str):
        return _text(name, given)
    raise InvalidFilter(name, "give a text or a number (or, for eq and in, true or false)")


def _text(name: str, given: object) -> str:
    if not isinstance(given, str) or not 1 <= len(given) <= MAX_CHARACTERS:
        where = name[:MAX_CHARACTERS]
        raise InvalidFilter(where, f"give a text of 1 to {MAX_CHARACTERS} characters")
    if UNSTORABLE.search(given):
        raise InvalidFilter(name, "give a text without NUL and without halves of surrogate pairs")
    return given
