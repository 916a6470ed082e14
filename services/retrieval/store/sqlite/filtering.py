"""A filter as SQL over `versions v`: fixed text with marks, every value bound."""

from dataclasses import dataclass

from services.retrieval.models.filter import And, Filter, NamePrefix, Not, OneOf, Or, Range
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
