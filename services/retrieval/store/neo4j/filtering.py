"""A filter as a Cypher predicate over a node `v:Version`: fixed text, every value a parameter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from services.retrieval.models.filter import And, Filter, NamePrefix, Not, OneOf, Or, Range
from services.retrieval.store.metadata_terms import term, term_range


@dataclass(frozen=True, slots=True)
class Predicate:
    """`values` by the names of the parameters in `cypher`: filter_0, filter_1, …"""

    cypher: str
    values: dict[str, Any]


def predicate(wanted: Filter) -> Predicate:
    values: dict[str, Any] = {}
    return Predicate(_cypher(wanted, values, (f"filter_{n}" for n in count())), values)


def _cypher(wanted: Filter, values: dict[str, Any], names: Iterator[str]) -> str:
    def bound(value: object) -> str:
        name = next(names)
        values[name] = value
        return f"${name}"

    match wanted:
        case And(parts):
            return f"({' AND '.join(_cypher(part, values, names) for part in parts)})"
        case Or(parts):
            return f"({' OR '.join(_cypher(part, values, names) for part in parts)})"
        case Not(part):
            return f"NOT {_cypher(part, values, names)}"
        case NamePrefix(text):
            return f"(v.name STARTS WITH {bound(text)})"
        case OneOf(field, wanted_values):
            if field.name == "metadata":
                terms = [term(field.key, value) for value in wanted_values]
                return f"any(one IN v.metadata WHERE one IN {bound(terms)})"
            if field.name == "tags":
                return f"any(one IN v.tags WHERE one IN {bound(list(wanted_values))})"
            if field.name == "document_id":
                ids = bound(list(wanted_values))
                inside = f"any(one IN coalesce(v.parents, []) WHERE one IN {ids})"
                return f"(v.document_id IN {ids} OR {inside})"
            return f"(v.{field.name} IN {bound(list(wanted_values))})"
        case Range():
            return _range(wanted, bound)


def _range(wanted: Range, bound: Callable[[object], str]) -> str:
    if wanted.field.name == "created_at":
        ends = ((">", wanted.low), ("<", wanted.high))
        tests = [
            f"v.created_at.epochMillis {sign}{'=' * end.inclusive} {bound(end.value)}"
            for sign, end in ends
            if end is not None
        ]
        return f"({' AND '.join(tests)})"
    terms = term_range(wanted)
    low = f"one >{'=' * terms.low_inclusive} {bound(terms.low)}"
    high = f"one <{'=' * terms.high_inclusive} {bound(terms.high)}"
    return f"any(one IN v.metadata WHERE {low} AND {high})"
