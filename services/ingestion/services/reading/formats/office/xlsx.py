"""Workbooks of Excel: sheets as pages, cells as they are shown."""

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from lxml import etree

from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.formats.office.drawings import paragraphs
from services.ingestion.services.reading.formats.office.number_formats import (
    BUILT_IN,
    general,
    shown,
)
from services.ingestion.services.reading.formats.office.packages import (
    attribute,
    open_archive,
    parsed_xml,
    relations,
)
from services.ingestion.services.reading.formats.tables import Sheet, sheets
from services.ingestion.services.reading.markup import COLUMNS_MAX, Cell, raised

_REFERENCE = re.compile(r"(?<![\w.$])(\$?)([A-Z]{1,3})(\$?)(\d{1,7})(?![\w(.])")
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
# Blank rows between two rows that are filled say that another table begins; more say no more.
_BLANK_ROWS_MAX = 2
_WANTED = ("{*}col", "{*}row", "{*}mergeCell", "{*}autoFilter", "{*}tableParts")


def read_xlsx(body: bytes) -> Parsed:
    with open_archive(body) as archive:
        book = _Book(archive)
        return sheets(
            Sheet(number, name, book.rows(path), list(book.boxes(path)))
            for number, name, path in book.visible_sheets()
        )


class _Merged(NamedTuple):
    """The corners of a merged cell, counted from 1."""

    top: int
    left: int
    bottom: int
    right: int


class _Book:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._links = relations(archive, "")
        self._path = next(
            target for kind, target in self._links.values() if kind == "officeDocument"
        )
        self._book = parsed_xml(archive.read(self._path))
        self._links = relations(archive, self._path)
        self._strings = [_rich(item) for item in self._parts("sharedStrings", "{*}si")]
        self._formats = self._cell_formats()
        # Formulas that other cells share, with the cell that has each, by number.
        self._formulas: dict[str, tuple[str, str]] = {}
        setting = next(self._book.iter("{*}workbookPr"), None)
        self._since_1904 = setting is not None and setting.get("date1904") in ("1", "true")
        calculation = next(self._book.iter("{*}calcPr"), None)
        # Written by a program that leaves the results to Excel, with 0 in their place.
        self._uncalculated = calculation is not None and calculation.get("fullCalcOnLoad") in (
            "1",
            "true",
        )

    def visible_sheets(self) -> Iterator[tuple[int, str, str]]:
        for number, sheet in enumerate(self._book.iter("{*}sheet"), 1):
            link = attribute(sheet, "id")
            if sheet.get("state", "visible") == "visible" and link in self._links:
                yield number, sheet.get("name", ""), self._links[link][1]

    def rows(self, path: str) -> list[list[Cell]]:
        """Without hidden rows and columns; rows that a filter hides are there."""
        merged: list[_Merged] = []
        found: dict[int, dict[int, str]] = {}
        hidden_columns: set[int] = set()
        hidden_rows: set[int] = set()
        with self._archive.open(path) as stream:
            number = 0
            for _, element in etree.iterparse(stream, tag=_WANTED, huge_tree=True, recover=True):
                tag = etree.QName(element).localname
                if tag == "row":
                    number = int(element.get("r", number + 1))
                    cells = dict(self._cells(element))
                    cells = {at: text for at, text in cells.items() if at not in hidden_columns}
                    if any(cells.values()):
                        found[number] = cells
                    if _is_hidden(element):
                        hidden_rows.add(number)
                elif tag == "col" and _is_hidden(element):
                    last = min(int(element.get("max", 0)), COLUMNS_MAX)
                    hidden_columns.update(range(int(element.get("min", 1)), last + 1))
                elif tag in ("autoFilter", "tableParts"):
                    hidden_rows.clear()
                elif tag == "mergeCell":
                    merged += _merged(element.get("ref", ""))
                element.clear()
        shown = {number: cells for number, cells in found.items() if number not in hidden_rows}
        return list(_laid_out(shown, merged))

    def boxes(self, path: str) -> Iterator[str]:
        """What stands in the shapes that lie on a sheet."""
        for kind, target in relations(self._archive, path).values():
            if kind == "drawing" and target in self._archive.namelist():
                for shape in parsed_xml(self._archive.read(target)).iter("{*}sp"):
                    yield "\n".join(paragraphs(shape))

    def _cells(self, row: etree._Element) -> Iterator[tuple[int, str]]:
        column = 0
        for cell in row.iterchildren("{*}c"):
            place = _PLACE.fullmatch(cell.get("r", ""))
            column = _column(place[1]) if place else column + 1
            if column <= COLUMNS_MAX:
                yield column, self._text(cell)

    def _text(self, cell: etree._Element) -> str:
        kind, value, formula = cell.get("t", "n"), "", None
        for part in cell:
            tag = etree.QName(part).localname
            if tag == "v":
                value = part.text or ""
            elif tag == "f":
                formula = part.text or ""
                if formula and part.get("t") == "shared":
                    self._formulas[part.get("si", "")] = formula, cell.get("r", "")
            elif tag == "is":
                return _rich(part)
        if formula is not None and not formula:
            formula = self._shared(cell)
        if formula is not None and (not value or (self._uncalculated and value == "0")):
            return f"={formula}" if formula else "=…"
        if kind == "s":
            at = int(value) if value.isdecimal() else -1
            return self._strings[at] if 0 <= at < len(self._strings) else ""
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        return self._number(value, cell.get("s", "0")) if kind == "n" else value

    def _shared(self, cell: etree._Element) -> str:
        """A formula that stands in another cell, moved here; empty when it is not there."""
        found = cell.find("{*}f")
        formula, origin = self._formulas.get(
            found.get("si", "") if found is not None else "", ("", "")
        )
        here, there = _PLACE.fullmatch(cell.get("r", "")), _PLACE.fullmatch(origin)
        if not (here and there):
            return formula
        right, down = _column(here[1]) - _column(there[1]), int(here[2]) - int(there[2])

        def moved(place: re.Match[str]) -> str:
            fixed, letters, fixed_row, row = place.groups()
            column = letters if fixed else _letters(_column(letters) + right)
            return f"{fixed}{column}{fixed_row}{row if fixed_row else int(row) + down}"

        return _REFERENCE.sub(moved, formula)

    def _number(self, value: str, style: str) -> str:
        try:
            number = float(value)
        except ValueError:
            return value
        form = self._formats.get(style, "General")
        if form in ("General", "@"):
            return value if value.lstrip("-").isdecimal() else general(number)
        return shown(number, form, since_1904=self._since_1904)

    def _parts(self, kind: str, tag: str) -> Iterator[etree._Element]:
        path = next((target for name, target in self._links.values() if name == kind), None)
        if path and path in self._archive.namelist():
            with self._archive.open(path) as stream:
                for _, element in etree.iterparse(stream, tag=tag, huge_tree=True, recover=True):
                    yield element
                    element.clear()

    def _cell_formats(self) -> Mapping[str, str]:
        """By the number of the style that a cell names."""
        path = next((target for kind, target in self._links.values() if kind == "styles"), None)
        if path is None:
            return {}
        styles = parsed_xml(self._archive.read(path))
        named = {
            int(form.get("numFmtId", 0)): form.get("formatCode", "")
            for form in styles.iter("{*}numFmt")
        }
        used = next(styles.iter("{*}cellXfs"), ())
        forms = [int(style.get("numFmtId", 0)) for style in used]
        return {
            str(n): named.get(form) or BUILT_IN.get(form, "General") for n, form in enumerate(forms)
        }


def _is_hidden(element: etree._Element) -> bool:
    return element.get("hidden", "0") in ("1", "true")


def _merged(reference: str) -> Iterator[_Merged]:
    first, last = (_PLACE.fullmatch(place) for place in reference.split(":"))
    if first and last:
        yield _Merged(int(first[2]), _column(first[1]), int(last[2]), _column(last[1]))


def _rich(element: etree._Element) -> str:
    """Text in runs, without the reading aids of Japanese."""
    return "".join(
        raised(text.text or "") if _is_raised(text) else text.text or ""
        for text in element.iter("{*}t")
        if next(text.iterancestors("{*}rPh"), None) is None
    )


def _is_raised(text: etree._Element) -> bool:
    run = text.getparent()
    found = run.find("{*}rPr/{*}vertAlign") if run is not None else None
    return found is not None and found.get("val") == "superscript"


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _letters(column: int) -> str:
    letters = ""
    while column > 0:
        column, last = divmod(column - 1, 26)
        letters = chr(ord("A") + last) + letters
    return letters


def _laid_out(
    found: Mapping[int, Mapping[int, str]], merged: Sequence[_Merged]
) -> Iterator[list[Cell]]:
    """Rows of cells in order; what lies below or beside a merged cell belongs to it."""
    last = 0
    waiting = sorted(merged, key=lambda one: one.top, reverse=True)
    active: list[_Merged] = []
    for number in sorted(found):
        for _ in range(min(number - last - 1, _BLANK_ROWS_MAX) if last else 0):
            yield []
        last = number
        while waiting and waiting[-1].top <= number:
            active.append(waiting.pop())
        active = [one for one in active if number <= one.bottom]
        begun = {one.left: one for one in active if one.top == number}
        covered = {
            column
            for one in active
            for column in range(one.left + (one.top == number), min(one.right, COLUMNS_MAX) + 1)
        }
        cells = []
        for column in range(1, max(found[number]) + 1):
            if column not in covered:
                one = begun.get(column)
                size = (one.right - one.left + 1, one.bottom - one.top + 1) if one else (1, 1)
                cells.append(Cell(found[number].get(column, ""), *size))
        yield cells
