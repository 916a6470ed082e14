"""A filter as SQL over `versions v`: fixed text with marks, every value bound."""

from dataclasses import dataclass

from services.retrieval.models.filter import And, Bound, Filter, NamePrefix, Not, OneOf, Or, Range
from services.retrieval.store.metadata_ranges import term_range
from services.retrieval.store.metadata_terms import term

_FACT = "EXISTS (SELECT 1 FROM facts f WHERE f.version = v.id AND f.field = ? AND {})"


@dataclass(frozen=True, slots=True)
class Condition:
    """`values` are for the marks in `sql`, in order."""

    sql: str
    values: tuple[str | int | float, ...] = ()


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
    return Condition(f"(v.{name} {marks})", texts)


def _range(wanted: Range) -> Condition:
    if wanted.field.name == "created_at":
        tests = [
            f"v.created_at {sign}{'=' * bound.inclusive} ?" for sign, bound in _signed(wanted)
        ]
        return Condition(f"({' AND '.join(tests)})", tuple(b.value for b in wanted.bounds))
    terms = term_range(wanted)
    above, below = "=" * terms.low_inclusive, "=" * terms.high_inclusive
    test = f"f.value >{above} ? AND f.value <{below} ?"
    return Condition(_FACT.format(test), (wanted.field.name, terms.low, terms.high))


def _signed(wanted: Range) -> list[tuple[str, Bound]]:
    ends = ((">", wanted.low), ("<", wanted.high))
    return [(sign, bound) for sign, bound in ends if bound is not None]
