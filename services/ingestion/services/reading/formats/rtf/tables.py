"""The rows of an RTF table, whose cells say only where each of them ends."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.ingestion.services.reading.markup import (
    Merged,
    header_depth,
    line,
    one_header,
    spread,
    table,
    unmerged,
)

# Edges that are nearer than this are the same: 1/20 of a point each.
_SAME_EDGE = 30


@dataclass(slots=True)
class _Place:
    """Of a cell: its right edge; `down` as in Merged; `more` where it belongs to the one before."""

    edge: int = 0
    down: str = ""
    more: bool = False


@dataclass(slots=True)
class _Row:
    places: list[_Place]
    cells: list[str] = field(default_factory=list)
    header: bool = False


class Rows:
    """Of the table that is being read, if one is."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._places: list[_Place] = []
        self._next = _Place()
        self._header = False
        self._cells: list[str] = []
        self._cell: list[str] = []
        self._inner: list[str] = []
        self._began = False

    @property
    def is_open(self) -> bool:
        """Whether a row has begun and not ended."""
        return self._began or bool(self._cells)

    def define(self) -> None:
        self._places, self._next, self._header, self._began = [], _Place(), False, True

    def defined(self, word: str, number: int) -> bool:
        """Whether the word tells of a cell's or a row's place."""
        if word == "cellx":
            self._next.edge = number
            self._places.append(self._next)
            self._next = _Place()
        elif word == "trhdr":
            self._header = True
        elif word in ("clvmgf", "clvmrg"):
            self._next.down = "restart" if word == "clvmgf" else "continue"
        elif word == "clmrg":
            self._next.more = True
        else:
            return False
        return True

    def paragraph(self, *blocks: str) -> None:
        self._cell += blocks

    def end_cell(self, *, nested: bool) -> None:
        """A table in a cell is words: a cell holds no other rows."""
        text = line(" ".join(self._cell))
        self._cell.clear()
        if nested:
            self._inner.append(text)
        else:
            self._cells.append(text)

    def end_row(self, *, nested: bool) -> None:
        if nested:
            self._cell.append(f"{', '.join(self._inner)};")
            self._inner.clear()
            return
        if any(self._cell):
            self.end_cell(nested=False)
        if self._cells:
            self._rows.append(_Row(self._places, self._cells, self._header))
        self._cells, self._began = [], False

    def finished(self) -> Iterator[str]:
        """The table up to here."""
        self.end_row(nested=False)
        rows, self._rows = self._rows, []
        if not rows:
            return
        edges = _edges(rows)
        cells = unmerged([list(_merged(row, edges)) for row in rows])
        grid = spread(cells)
        heads = next((n for n, row in enumerate(rows) if not row.header), 0)
        yield table(one_header(grid, heads or header_depth(cells[0], len(grid[0]))))


def _edges(rows: list[_Row]) -> list[int]:
    found: list[int] = []
    for edge in sorted({place.edge for row in rows for place in row.places}):
        if not found or edge - found[-1] > _SAME_EDGE:
            found.append(edge)
    return found


def _merged(row: _Row, edges: list[int]) -> Iterator[Merged]:
    """A cell covers the columns up to its edge; one without a place covers one."""
    waiting: Merged | None = None
    column = 0
    for n, text in enumerate(row.cells):
        place = row.places[n] if n < len(row.places) else _Place(more=False)
        end = bisect_left(edges, place.edge - _SAME_EDGE) + 1 if place.edge else column + 1
        across = max(1, end - column)
        column += across
        if place.more and waiting is not None:
            waiting = Merged(waiting.text, waiting.across + across, waiting.down)
            continue
        if waiting is not None:
            yield waiting
        waiting = Merged(text, across, place.down)
    if waiting is not None:
        yield waiting
