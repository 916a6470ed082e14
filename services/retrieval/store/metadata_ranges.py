"""A range of a document's metadata as a range of its terms, which every store can compare."""

from dataclasses import dataclass

from services.retrieval.models.filter import Range
from services.retrieval.store.metadata_terms import prefix, term


@dataclass(frozen=True, slots=True)
class TermRange:
    """From `low` to `high`; a bound that was not given is where the key's type begins or ends."""

    low: str
    low_inclusive: bool
    high: str
    high_inclusive: bool


def term_range(wanted: Range) -> TermRange:
    key, low, high = wanted.field.key, wanted.low, wanted.high
    of_type = prefix(key, wanted.bounds[0].value)
    return TermRange(
        term(key, low.value) if low else of_type,
        low.inclusive if low else True,
        term(key, high.value) if high else _after(of_type),
        high.inclusive if high else False,
    )


def _after(text: str) -> str:
    """The first text after all that begin with this one, which ends in an ASCII letter."""
    return text[:-1] + chr(ord(text[-1]) + 1)
