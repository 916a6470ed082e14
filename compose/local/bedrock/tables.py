"""Markdown tables as sentences: each row names its columns, so that it can stand alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_BAR = re.compile(r"(?<!\\)\|")
_LETTER = re.compile(r"[^\W\d_]")
_NUMBER = re.compile(r"[-+−]?\d[\d.,'’\u00a0\u202f ]*")
# A unit after a comma or in brackets: money, per cent, or what a number is a number of.
_UNIT = re.compile(
    r"(?P<name>.*\S)(?:,\s+|\s+\()(?P<unit>(?:"
    r"EUR|USD|GBP|CHF|DKK|SEK|NOK|PLN|CZK|JPY|CNY|INR|AUD|CAD"
    r"|[€$£¥%‰]|°[CF]?|[mcdkM]?m|[mkµ]?g|[mkM]?[WVA]|[kM]Wh|[kMGT]i?B|m?bar|Hz|kHz|MHz|GHz|ms|s|min|h"
    r"|minutes?|hours?|days?|weeks?|months?|years?|Minuten?|Stunden?|Tagen?|Wochen?|Monaten?|Jahren?"
    r"|heures?|jours?|semaines?|mois|ans?)(?!\w)[^()]*)\)?"
)


@dataclass(frozen=True)
class Row:
    """A row as it is quoted, `Sweden – Hotel: 140 EUR.`, as it is compared, and its bare cells.

    `spoken` names all columns: `Country: Sweden; Hotel, EUR: 140.`
    """

    quote: str
    spoken: str
    cells: str


def with_spoken_rows(lines: Sequence[str]) -> Iterator[str | Row]:
    """The lines; rows under a head and its rule name their columns, rows without stay as they are.

    Head and rule themselves are left out.
    """
    head: list[str] | None = None
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if _begins_table(line, following):
            head = _cells(line)
        elif _BAR.search(line) is None or not (head or line.lstrip().startswith("|")):
            head = None
            yield line
        elif not _RULE.match(line):
            cells = _cells(line)
            bare = " | ".join(cells)
            if head:
                named = _filled(head, cells)
                yield Row(_said(named), _spoken(named), bare)
            else:
                yield Row(line.strip(), line.strip(), bare)


def _begins_table(line: str, following: str) -> bool:
    ruled = _RULE.match(following) and "|" in following
    return bool(ruled and _BAR.search(line) and not _RULE.match(line))


def _cells(line: str) -> list[str]:
    framed = line.strip().removeprefix("|")
    framed = framed[:-1] if framed.endswith("|") and not framed.endswith("\\|") else framed
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(framed)]


def _spoken(named: list[tuple[str, str]]) -> str:
    return f"{'; '.join(_named(*one) for one in named)}."


def _said(named: list[tuple[str, str]]) -> str:
    """What the first column names leads, the others' values have their units."""
    if len(named) < 2:
        return _spoken(named)
    (name, first), *others = named
    # A number alone names nothing: "Priority 1", "Year 2024".
    subject = first if _LETTER.search(first) else f"{name} {first}".strip()
    return f"{subject} – {'; '.join(_with_unit(*one) for one in others)}."


def _filled(head: list[str], cells: list[str]) -> list[tuple[str, str]]:
    """Names of columns and values, without the empty cells."""
    named = zip([*head, *[""] * len(cells)], cells, strict=False)
    return [(name, cell) for name, cell in named if cell]


def _named(name: str, cell: str) -> str:
    return f"{name}: {cell}" if name else cell


def _with_unit(name: str, cell: str) -> str:
    """`Hotel, EUR a night` and `155` as `Hotel: 155 EUR a night`."""
    counted = _UNIT.fullmatch(name) if _NUMBER.fullmatch(cell) else None
    return f"{counted['name']}: {cell} {counted['unit'].strip()}" if counted else _named(name, cell)
