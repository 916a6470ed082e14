"""What readers write: headings, tables and pages as Markdown with nothing escaped."""

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple

from services.ingestion.models.parsed import PageSpan
from services.ingestion.services.reading.decoding import tidy

_HEADING_MAX = 300
COLUMNS_MAX = 256
_FENCE = re.compile(r"`{3,}|~{3,}")
_ITEM = re.compile(r" *(?:[-•]|(?:\w{1,3}\.)*\w{1,3}[.)]|\(?\w{1,3}\)) \S")
_MANY_BREAKS = re.compile(r"\n{3,}")
_RAISED = str.maketrans("0123456789+-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ")


def line(text: str) -> str:
    """On one line, as in a cell or a heading."""
    return " ".join(text.split())


def raised(text: str) -> str:
    """Superscripts where each sign has one, as in m²; others stay, as in 2nd."""
    return text.translate(_RAISED) if all(ord(sign) in _RAISED for sign in text) else text


def heading(level: int, text: str) -> str:
    """A longer one is a paragraph that somebody made look like a heading."""
    words = line(text)
    return f"{'#' * min(level, 6)} {words}" if 0 < len(words) <= _HEADING_MAX else words


def fenced(code: str) -> str:
    """Code or other text whose lines must stay as they are."""
    longest = max((len(marks) for marks in _FENCE.findall(code)), default=2)
    marks = "`" * max(3, longest + 1)
    body = code.strip("\n")
    return f"{marks}\n{body}\n{marks}" if body.strip() else ""


def table(rows: Iterable[Sequence[str]]) -> str:
    """The first row is the header. Rows and columns without any text are left out.

    One cell is a line, and two rows of one column are lines: neither is a table.
    """
    filled = [[line(cell) for cell in row] for row in rows]
    filled = [row for row in filled if any(row)]
    if not filled:
        return ""
    width = max(map(len, filled))
    used = [n for n in range(width) if any(len(row) > n and row[n] for row in filled)]
    filled = [[row[n] if n < len(row) else "" for n in used] for row in filled]
    if len(used) == 1 or len(filled) == 1:
        return "\n".join("\n".join(row) if len(used) == 1 else _row(row) for row in filled)
    return "\n".join(map(_row, [*filled[:1], ["---"] * len(used), *filled[1:]]))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


class Cell(NamedTuple):
    """Its words, and how many columns and rows it covers."""

    text: str
    across: int = 1
    down: int = 1


class Merged(NamedTuple):
    """A cell of Word or RTF; `down` is "restart" or "continue" where others below belong to it."""

    text: str
    across: int
    down: str


def unmerged(rows: Sequence[Sequence[Merged]]) -> list[list[Cell]]:
    """Cells that continue the one above are left out, and that one covers their rows."""
    columns: list[dict[int, Merged]] = []
    for row in rows:
        at, places = 0, {}
        for cell in row:
            places[at] = cell
            at += cell.across
        columns.append(places)
    made: list[list[Cell]] = []
    for n, places in enumerate(columns):
        cells = []
        for at, cell in places.items():
            if cell.down == "continue" and n:
                continue
            down = 1
            while cell.down and n + down < len(columns):
                below = columns[n + down].get(at)
                if below is None or below.down != "continue":
                    break
                down += 1
            cells.append(Cell(cell.text, cell.across, down))
        made.append(cells)
    return made


def spread(rows: Iterable[Iterable[Cell]]) -> list[list[str]]:
    """A merged cell counts for all rows and columns that it covers."""
    grid: list[list[str]] = []
    below: dict[int, tuple[int, str]] = {}
    for cells in rows:
        line: list[str] = []
        waiting = iter(cells)
        while len(line) < COLUMNS_MAX:
            if len(line) in below:
                left, text = below.pop(len(line))
                cell = Cell(text, 1, left)
            else:
                found = next(waiting, None)
                if found is None and not any(column > len(line) for column in below):
                    break
                cell = found or Cell("")
            for _ in range(min(cell.across, COLUMNS_MAX - len(line))):
                if cell.down > 1:
                    below[len(line)] = cell.down - 1, cell.text
                line.append(cell.text)
        grid.append(line)
    return grid


def header_depth(first: Sequence[Cell], width: int) -> int:
    """How many rows a header has whose first row has merged cells; a row of one cell is a title."""
    down = max((cell.down for cell in first if cell.text), default=1)
    grouped = any(1 < cell.across < width for cell in first if cell.text)
    return max(down, 1 + grouped)


def one_header(grid: Sequence[Sequence[str]], rows: int) -> Sequence[Sequence[str]]:
    """A header of several rows as one: what stands above each other, each word group once."""
    if rows < 2 or rows >= len(grid):
        return grid
    columns = zip_longest(*grid[:rows], fillvalue="")
    return [[" ".join(dict.fromkeys(filter(None, column))) for column in columns], *grid[rows:]]


def joined(blocks: Iterable[str]) -> str:
    """Paragraphs with a blank line between them; items of a list stand together."""
    parts: list[str] = []
    for block in blocks:
        stripped = block.strip("\n")
        if not stripped.strip():
            continue
        if parts:
            together = _ITEM.match(stripped) and _ITEM.match(parts[-1])
            parts.append("\n" if together else "\n\n")
        parts.append(stripped)
    return "".join(parts)


def tidied(text: str) -> str:
    """Tidy, without blanks at a line's end and with one blank line between paragraphs."""
    lines = "\n".join(map(str.rstrip, tidy(text).split("\n")))
    return _MANY_BREAKS.sub("\n\n", lines).strip("\n")


def paged(pages: Iterable[tuple[int, str]]) -> tuple[str, tuple[PageSpan, ...]]:
    """The text of all pages and where each stands in it; blank pages leave no span."""
    parts: list[str] = []
    spans: list[PageSpan] = []
    at = 0
    for number, text in pages:
        text = tidied(text)
        if not text.strip():
            continue
        spans.append(PageSpan(number, at, at + len(text)))
        parts.append(text)
        at += len(text) + 2
    return "\n\n".join(parts), tuple(spans)
