"""A document's metadata as terms of one list: typed, in the order of their values.

With a field for each key one tenant could use up the fields of all, and two tenants could disagree
on the type of a key. Terms of one key and type sort as their values do, so a range of values is a
range of terms.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from services.retrieval.models.document import Value
from services.retrieval.models.filter import Range

# Lucene refuses terms of more than 32,766 bytes; two values that differ only later count as equal.
MAX_CHARACTERS = 2_000
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class TermRange:
    """From `low` to `high`; without a bound it goes to where terms of the key's type end."""

    low: str
    low_inclusive: bool
    high: str
    high_inclusive: bool


def terms(metadata: Mapping[str, Value]) -> list[str]:
    return [term(key, value) for key, value in metadata.items()]


def term(key: str, value: Value) -> str:
    """Numbers compare as numbers, dates as their ISO text, everything else as text."""
    return prefix(key, value) + _encoded(value)[:MAX_CHARACTERS]


def term_range(wanted: Range) -> TermRange:
    key, low, high = wanted.field.key, wanted.low, wanted.high
    of_type = prefix(key, wanted.bounds[0].value)
    return TermRange(
        term(key, low.value) if low else of_type,
        low.inclusive if low else True,
        term(key, high.value) if high else _after(of_type),
        high.inclusive if high else False,
    )


def prefix(key: str, value: Value) -> str:
    """What all terms of this key and of this value's type begin with, and no others."""
    return f"{key.replace(_SEPARATOR, ' ')[:MAX_CHARACTERS]}{_SEPARATOR}{_kind(value)}"


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "b"
    return "n" if isinstance(value, int | float) else "s"


def _encoded(value: Value) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        return _sortable(value)
    return value.isoformat() if isinstance(value, date) else value


def _sortable(number: float) -> str:
    """16 hexadecimal digits in the order of the numbers (IEEE 754, sign bit turned)."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", _float(number) + 0.0))
    negative = bits >> 63
    return f"{bits ^ (0xFFFFFFFFFFFFFFFF if negative else 1 << 63):016x}"


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _after(text: str) -> str:
    """The first text after all that begin with this one, which ends in an ASCII letter."""
    return text[:-1] + chr(ord(text[-1]) + 1)
