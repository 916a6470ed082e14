"""CSV and its kin, sheets of OpenDocument, and the tables of a sheet as Markdown."""

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from lxml import etree

from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.decoding import decode, tidy
from services.ingestion.services.reading.formats.office.packages import (
    attribute,
    open_archive,
    parsed_xml,
)
from services.ingestion.services.reading.markup import (
    COLUMNS_MAX,
    Cell,
    header_depth,
    heading,
    joined,
    line,
    one_header,
    paged,
    spread,
    table,
)

_SEPARATORS = "\t;|,"
_SNIFFED_ROWS = 100
_NUMBERS = frozenset("0123456789.,-+%€$£¥()/: ")
# Rows that only carry a format to the end of the sheet.
_REPEATED_MAX = 1000


def read_csv(body: bytes) -> Parsed:
    """Whatever separates the columns; a first line `sep=;` only names it."""
    csv.field_size_limit(sys.maxsize)
    text = tidy(decode(body))
    first, _, rest = text.partition("\n")
    told = first.strip().strip('"').lower()
    if told.startswith("sep=") and len(told) <= len("sep=") + 1:
        separator, text = first.strip().strip('"')[len("sep=") :] or "\t", rest
    else:
        separator = _separator(text)
    rows = _csv_rows(text, separator)
    if '\\"' in text:
        # Some databases write a quotation mark so: without that the row falls apart.
        escaped = _csv_rows(text.replace('\\"', '""'), separator)
        rows = min(rows, escaped, key=lambda some: len({len(row) for row in some if row}))
    return Parsed(layout([[Cell(cell) for cell in row] for row in rows]), markdown=True)


def _csv_rows(text: str, separator: str) -> list[list[str]]:
    # A line's end is kept: it may stand inside of quotes.
    lines = text.splitlines(keepends=True)
    return list(csv.reader(lines, delimiter=separator, skipinitialspace=True))


def _separator(text: str) -> str:
    """The one that gives most rows the width that the first row has."""
    lines = text[: 1024 * 1024].split("\n")

    def fit(separator: str) -> float:
        rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        widths = [len(row) for row in islice(filter(None, rows), _SNIFFED_ROWS)]
        width, count = Counter(widths).most_common(1)[0] if widths else (1, 0)
        if width < 2:
            return 0.0
        return count / len(widths) + (widths[0] == width) / 4

    return max(_SEPARATORS, key=fit)


def layout(rows: Sequence[Sequence[Cell]]) -> str:
    """The tables of a sheet: lines above a table are text, a blank row may begin another table."""
    return joined(block for part in _tables(rows, spread(rows)) for block in _titled_table(*part))


def _tables(
    rows: Sequence[Sequence[Cell]], grid: list[list[str]]
) -> Iterator[tuple[Sequence[Sequence[Cell]], list[list[str]]]]:
    start = 0
    last_blank = False
    for n, words in enumerate(grid):
        blank = not any(map(str.strip, words))
        if last_blank and not blank and _begins_anew(grid[start:n], grid[n : n + 2]):
            yield rows[start:n], grid[start:n]
            start = n
        last_blank = blank
    yield rows[start:], grid[start:]


def _begins_anew(above: list[list[str]], below: list[list[str]]) -> bool:
    """Whether what follows a blank row has a title or a header of its own."""
    used = {n for row in above for n, cell in enumerate(row) if cell.strip()}
    first = {n for n, cell in enumerate(below[0]) if cell.strip()}
    if not used or not first <= used or (len(first) == 1 < len(used) and len(below) > 1):
        return True
    return (
        len(first) > 1
        and len(below) > 1
        and not any(is_number(cell) for cell in below[0])
        and any(is_number(cell) for cell in below[1])
    )


def is_number(cell: str) -> bool:
    return any(map(str.isdigit, cell)) and set(cell) <= _NUMBERS


def _titled_table(rows: Sequence[Sequence[Cell]], grid: list[list[str]]) -> Iterator[str]:
    """Rows with one text above wider ones are its title, not its header."""
    widest = max((len({cell for cell in row if cell.strip()}) for row in grid), default=0)
    first = 0
    while (
        first < len(grid)
        and (widest > 1 or len(grid[first]) > 1)
        and len({cell for cell in grid[first] if cell.strip()}) < 2
    ):
        yield next((line(cell) for cell in grid[first] if cell.strip()), "")
        first += 1
    depth = header_depth(rows[first], len(grid[first])) if first < len(rows) else 1
    yield table(one_header(grid[first:], depth))


class Sheet(NamedTuple):
    """`boxes` are the texts that lie on it."""

    number: int
    name: str
    rows: Sequence[Sequence[Cell]]
    boxes: Sequence[str]


def sheets(found: Iterable[Sheet]) -> Parsed:
    """A sheet is a page."""
    pages = []
    for sheet in found:
        text = joined([layout(sheet.rows), *sheet.boxes])
        if text:
            pages.append((sheet.number, joined([heading(2, sheet.name), text])))
    text, spans = paged(pages)
    return Parsed(text, markdown=True, pages=spans)


_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"

_ODS_VALUES = ("string-value", "date-value", "time-value", "boolean-value", "value")


def read_ods(body: bytes) -> Parsed:
    """Cells as they are shown, which the file holds beside their values."""
    with open_archive(body) as archive:
        content = parsed_xml(archive.read("content.xml"))
    hidden = {
        attribute(style, "name")
        for style in content.iter("{*}style")
        if any(one.get(f"{_TABLE}display") == "false" for one in style)
    }
    tables = enumerate(content.iter(f"{_TABLE}table"), 1)
    return sheets(
        Sheet(number, one.get(f"{_TABLE}name", ""), list(_ods_rows(one)), list(_ods_boxes(one)))
        for number, one in tables
        if one.get(f"{_TABLE}style-name") not in hidden
    )


def _ods_rows(sheet: etree._Element) -> Iterator[list[Cell]]:
    for row in sheet.iter(f"{_TABLE}table-row"):
        if row.get(f"{_TABLE}visibility") == "collapse":
            continue
        cells: list[Cell] = []
        for cell in row.iterchildren(f"{_TABLE}table-cell"):
            made = _ods_cell(cell)
            repeated = int(cell.get(f"{_TABLE}number-columns-repeated", 1))
            cells += [made] * min(repeated, COLUMNS_MAX - len(cells))
        repeated = int(row.get(f"{_TABLE}number-rows-repeated", 1))
        for _ in range(min(repeated, _REPEATED_MAX) if any(cell.text for cell in cells) else 1):
            yield cells


def _ods_boxes(sheet: etree._Element) -> Iterator[str]:
    for box in sheet.iter("{*}text-box", "{*}custom-shape"):
        yield "\n".join("".join(_ods_words(text)) for text in box.iterchildren("{*}p"))


def _ods_words(text: etree._Element) -> Iterator[str]:
    yield text.text or ""
    for child in text:
        if isinstance(child.tag, str):
            blank = child.tag.rpartition("}")[2] in ("s", "tab", "line-break")
            yield from " " if blank else _ods_words(child)
        yield child.tail or ""


def _ods_cell(cell: etree._Element) -> Cell:
    """As it is shown; else its value, as some programs write nothing else; else its formula."""
    words = " ".join("".join(_ods_words(text)) for text in cell.iterchildren("{*}p"))
    values = (attribute(cell, name) for name in _ODS_VALUES)
    words = words or next(filter(None, values), "")
    formula = cell.get(f"{_TABLE}formula")
    if not words and formula:
        words = "=" + formula.partition("=")[2]
    across = int(cell.get(f"{_TABLE}number-columns-spanned", 1))
    return Cell(words, across, int(cell.get(f"{_TABLE}number-rows-spanned", 1)))
