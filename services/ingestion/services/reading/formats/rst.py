"""reStructuredText as Markdown."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from textwrap import dedent
from unicodedata import east_asian_width

from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.decoding import decode, tidy
from services.ingestion.services.reading.markup import fenced, heading, table, tidied

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1{2,}[ \t]*$")
_DIRECTIVE = re.compile(r"[ \t]*\.\.[ \t]+(?:\|[^|]+\|[ \t]+)?[\w:-]+::|[ \t]*\.\.[ \t]+[\[_|]")
_REMARK = re.compile(r"[ \t]*\.\.(?:[ \t]|$)")
_TABLE = re.compile(r"[ \t]*\.\.[ \t]+(list|csv)-table::[ \t]*(.*)$")
_TARGET = re.compile(r"[ \t]*\.\.[ \t]+_[^:]*:[ \t]*$")
_GRID = re.compile(r"[ \t]*\+[-=+]*\+[ \t]*$")
_SIMPLE = re.compile(r"[ \t]*=+(?: +=+)+[ \t]*$")
_UNDERLINES = re.compile(r"[ \t]*-+(?: +-+)*[ \t]*$")
# Of a table between two borders.
_DRAWN_LINES_MAX = 10_000
# Stands behind a sign that takes two columns, so that columns are places in the line.
_FILLER = "\0"
_OPTION = re.compile(r"[ \t]*:([\w-]+):[ \t]*(.*)$")
_CODE_FOLLOWS = re.compile(
    r"[ \t]*\.\.[ \t]+(?:code|code-block|sourcecode|math)::|(?!.*\.\. ).*::[ \t]*$"
)


def read_rst(body: bytes) -> Parsed:
    """As it is written, but its headings, code and tables as Markdown's, and without comments.

    A table of which cells span rows or columns stays as it is drawn.
    """
    lines = tidy(decode(body)).expandtabs().split("\n")
    return Parsed(tidied("\n".join(_rst(lines))), markdown=True)


def _rst(lines: list[str]) -> Iterator[str]:
    """A heading's level comes from the order in which its marks are first met."""
    levels: list[str] = []
    at = 0
    while at < len(lines):
        marks, words, below = _rst_heading(lines, at)
        end = _indented_end(lines, at)
        drawn_end = _drawn_end(lines, at)
        if marks:
            if marks not in levels:
                levels.append(marks)
            yield f"\n{heading(levels.index(marks) + 1, words)}\n"
            at = below
        elif drawn_end > at:
            yield from ("", _drawn_table(lines[at:drawn_end]), "")
            at = drawn_end
        elif (found := _TABLE.match(lines[at])) and end > at + 1:
            rows = _list_rows if found[1] == "list" else _csv_rows
            yield from ("", found[2], "", table(rows(lines[at + 1 : end])), "")
            at = end
        elif _CODE_FOLLOWS.match(lines[at]) and end > at + 1:
            yield from (lines[at], "", fenced(dedent("\n".join(lines[at + 1 : end]))), "")
            at = end
        elif _TARGET.match(lines[at]):
            at += 1
        elif _REMARK.match(lines[at]) and not _DIRECTIVE.match(lines[at]):
            at = end
        else:
            yield lines[at]
            at += 1


def _list_rows(lines: list[str]) -> list[list[str]]:
    """A row for each `* - `, a cell for each `- `; lines below go on with the cell."""
    rows: list[list[str]] = []
    for line in lines:
        words = line.strip()
        if words.startswith("* -"):
            rows.append([words[3:].strip()])
        elif rows and words.startswith("-"):
            rows[-1].append(words[1:].strip())
        elif rows:
            rows[-1][-1] += f" {words}"
    return rows


def _csv_rows(lines: list[str]) -> list[list[str]]:
    """The option `header` first, then what stands below the options."""
    at = 0
    header: list[str] = []
    while at < len(lines) and (option := _OPTION.match(lines[at])):
        if option[1] == "header":
            header = [option[2]]
        at += 1
    return list(csv.reader([*header, *map(str.strip, lines[at:])], skipinitialspace=True))


def _drawn_end(lines: list[str], at: int) -> int:
    """The line after a grid or a simple table that begins here; else this line."""
    if _GRID.match(lines[at]):
        rest = range(at + 1, len(lines))
        return next((n for n in rest if not lines[n].lstrip().startswith(("+", "|"))), len(lines))
    if not _SIMPLE.match(lines[at]):
        return at
    rest = range(at + 1, min(len(lines), at + _DRAWN_LINES_MAX))
    same = (n for n in rest if lines[n].rstrip() == lines[at].rstrip())
    # The second border is the last one, or it ends the header.
    ends = (n + 1 for n in islice(same, 2) if n + 1 == len(lines) or not lines[n + 1].strip())
    return next(ends, at)


def _drawn_table(lines: list[str]) -> str:
    aligned = ["".join(f"{sign}{_FILLER * _is_wide(sign)}" for sign in text) for text in lines]
    rows = (_grid_rows if _GRID.match(lines[0]) else _simple_rows)(aligned)
    cells = [[cell.replace(_FILLER, "") for cell in row] for row in rows]
    return table(cells) or fenced(dedent("\n".join(lines)))


def _is_wide(sign: str) -> bool:
    """It takes two columns."""
    return east_asian_width(sign) in ("W", "F")


def _grid_rows(lines: Sequence[str]) -> list[list[str]]:
    """None where cells span rows or columns."""
    marks = [n for n, sign in enumerate(lines[0]) if sign == "+"]
    rows: list[list[list[str]]] = []
    for text in lines:
        if any(n >= len(text) or text[n] not in "+|" for n in marks):
            return []
        cells = [text[left + 1 : right] for left, right in pairwise(marks)]
        if _GRID.match(text):
            rows.append([])
        elif any("|" in cell or "--" in cell for cell in cells):
            return []
        else:
            rows[-1].append([cell.strip() for cell in cells])
    return [[" ".join(cell) for cell in zip(*row, strict=True)] for row in rows if row]


def _simple_rows(lines: Sequence[str]) -> list[list[str]]:
    """None where a text stands over the blanks between two columns.

    A line without a first cell goes on with the row above; `\\` is an empty first cell.
    """
    starts = [found.start() for found in re.finditer("=+", lines[0])]
    rows: list[list[str]] = []
    for text in lines[1:]:
        if not text.strip() or _SIMPLE.match(text) or _UNDERLINES.match(text):
            continue
        if any(text[start - 1 : start].strip() for start in starts[1:]):
            return []
        cells = [text[start:end].strip() for start, end in pairwise([*starts, None])]
        if cells[0] or not rows:
            rows.append(["" if cell == "\\" else cell for cell in cells])
        else:
            both = zip(rows[-1], cells, strict=True)
            rows[-1] = [f"{above} {cell}".strip() for above, cell in both]
    return rows


def _rst_heading(lines: list[str], at: int) -> tuple[str, str, int]:
    """Its kind of marks (two for marks above and below), its words, the line after it."""
    above = _ADORNMENT.match(lines[at]) is not None
    words, marks, *_ = *lines[at + above : at + above + 2], "", ""
    found = _ADORNMENT.match(marks)
    if not found or not words.strip() or _ADORNMENT.match(words):
        return "", "", at
    if (above and lines[at].rstrip() != marks.rstrip()) or (not above and words.startswith(" ")):
        return "", "", at
    return found[1] * (1 + above), words, at + above + 2


def _indented_end(lines: list[str], at: int) -> int:
    """The line after those that stand further in than this one."""
    margin = len(lines[at]) - len(lines[at].lstrip())
    end = at + 1
    while end < len(lines) and (
        not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > margin
    ):
        end += 1
    return end
