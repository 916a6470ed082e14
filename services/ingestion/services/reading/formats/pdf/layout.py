"""From words with places to the blocks of a page: columns, paragraphs, rows of tables.

A page is read from the top down. Rows that leave the same strips of paper blank stand in columns:
columns of prose are read one after the other, short cells are a table's.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import NamedTuple

# All in heights of a letter: blank paper between two columns, between two paragraphs, two blocks.
_COLUMN_GAP = 0.8
_LEADING = 0.75
_MARK_GAP = 2.5
_SAME_ROW = 0.45
# Letters that a line of prose has at least, where it stands beside another column.
_PROSE = 28
_SENTENCE_END = tuple(".!?:;。！？…")
BULLETS = "•●○▪■◦‣–*-"
_ITEM = re.compile(rf"(?:[{BULLETS}]|\(?(?:\d{{1,3}}|[a-zA-Z])[.)])\s")
# pdfium's signs for a hyphen at a line's end, then also the hyphens that others leave there.
BROKEN = ("\x02", "\ufffe")
_MARK = re.compile(rf"[{BULLETS}]|\(?(?:\d{{1,3}}|[a-zA-Z])[.)]")
_BROKEN_WORD = re.compile(r"(?<=\w)[\x02\ufffe\u00ad-]$")
_LEFTWARD = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


class Word(NamedTuple):
    """Left, right, bottom, top: `y` grows upwards."""

    x0: float
    x1: float
    y0: float
    y1: float
    text: str
    bold: bool = False


def turned(x: float, y: float, turn: int) -> tuple[float, float]:
    """A place on a page that lies turned by so many quarters, as if it stood upright."""
    return ((x, y), (-y, x), (-x, -y), (y, -x))[turn]


class Segment:
    """Words with no more than blanks between them."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = words
        self.x0, self.x1 = words[0].x0, max(word.x1 for word in words)
        self.text = _in_order([word.text for word in words])


class Row:
    def __init__(self, y0: float, y1: float, segments: Sequence[Segment]) -> None:
        self.y0, self.y1, self.segments = y0, y1, segments
        longest = max((word for one in segments for word in one.words), key=lambda w: len(w.text))
        self.height = longest.y1 - longest.y0

    @cached_property
    def text(self) -> str:
        texts = [segment.text for segment in self.segments]
        return "  ".join(reversed(texts) if _is_rtl("".join(texts)) else texts)

    @cached_property
    def bold(self) -> bool:
        return all(word.bold for segment in self.segments for word in segment.words)


@dataclass
class Block:
    """A paragraph's rows, or a table's cells; `top` and `bottom` on the page."""

    rows: list[Row]
    cells: list[list[str]] | None = None

    @cached_property
    def height(self) -> float:
        return median(row.height for row in self.rows)

    @cached_property
    def text(self) -> str:
        return joined_lines([row.text for row in self.rows])

    @cached_property
    def bold(self) -> bool:
        return all(row.bold for row in self.rows)


def joined_lines(lines: Sequence[str]) -> str:
    """One paragraph; a word that was broken at a line's end is whole again."""
    parts: list[str] = []
    for line in filter(None, lines):
        last = parts[-1] if parts else ""
        if line[0].islower() and (broken := _BROKEN_WORD.search(last)):
            parts[-1:] = [last[: broken.start()], line]
        elif not last or (_is_unspaced(last[-1]) and _is_unspaced(line[0])):
            parts.append(line)
        else:
            parts += [" ", line]
    return re.sub(f"[{''.join(BROKEN)}]", "-", "".join(parts))


def _is_unspaced(letter: str) -> bool:
    """Chinese and Japanese stand without blanks, also where a line ended."""
    return (
        unicodedata.east_asian_width(letter or " ") in "WF" and not "\uac00" <= letter <= "\ud7a3"
    )


def _is_rtl(text: str) -> bool:
    """Whether more letters run to the left than to the right."""
    if text.isascii() or not _LEFTWARD.search(text):
        return False
    kinds = [unicodedata.bidirectional(letter) for letter in text]
    return sum(kind in ("R", "AL") for kind in kinds) > kinds.count("L")


def _in_order(texts: Sequence[str]) -> str:
    """Words in the order of reading; those of Arabic and Hebrew run to the left, Latin ones not."""
    if not _is_rtl("".join(texts)):
        return " ".join(texts)
    ordered: list[str] = []
    latin: list[str] = []
    for text in reversed(texts):
        if any(unicodedata.bidirectional(letter) == "L" for letter in text):
            latin.insert(0, text)
        else:
            ordered += [*latin, text]
            latin = []
    return " ".join([*ordered, *latin])


def rows_of(words: Sequence[Word]) -> list[Row]:
    """From the top down, each row's words from left to right."""
    rows: list[list[Word]] = []
    middle = height = 0.0
    for word in sorted(words, key=lambda one: -(one.y0 + one.y1)):
        its_middle, its_height = (word.y0 + word.y1) / 2, word.y1 - word.y0
        if rows and middle - its_middle < _SAME_ROW * max(height, its_height):
            rows[-1].append(word)
        else:
            rows.append([word])
            middle, height = its_middle, its_height
    return [
        Row(min(word.y0 for word in row), max(word.y1 for word in row), _segments(row))
        for row in rows
    ]


def _segments(words: Sequence[Word]) -> list[Segment]:
    made: list[list[Word]] = []
    right = 0.0
    for word in sorted(words, key=lambda one: one.x0):
        # A mark stands further from its item than words do from each other.
        marked = made and len(made[-1]) == 1 and _MARK.fullmatch(made[-1][0].text)
        gap = _MARK_GAP if marked else _COLUMN_GAP
        if made and word.x0 - right < gap * (word.y1 - word.y0):
            made[-1].append(word)
            right = max(right, word.x1)
        else:
            made.append([word])
            right = word.x1
    return [Segment(one) for one in made]


Strip = tuple[float, float]


def _strips(rows: Sequence[Row], above: Sequence[Strip] = ()) -> list[Strip]:
    """The columns of rows: strips of paper with blank ones between them."""
    gap = 0.6 * _COLUMN_GAP * median(row.height for row in rows)
    made: list[Strip] = []
    for x0, x1 in sorted([*above, *((s.x0, s.x1) for row in rows for s in row.segments)]):
        if made and x0 < made[-1][1] + gap:
            made[-1] = made[-1][0], max(made[-1][1], x1)
        else:
            made.append((x0, x1))
    return made


def blocks_of(words: Sequence[Word], rules: Sequence[float]) -> list[Block]:
    """`rules` are the heights at which horizontal lines are drawn."""
    return list(_blocks(rows_of(words), sorted(rules, reverse=True)))


def _blocks(rows: Sequence[Row], rules: Sequence[float]) -> Iterator[Block]:
    plain: list[Row] = []
    at = 0
    while at < len(rows):
        end = _columns_end(rows, at)
        region = rows[at:end]
        kind = _kind(region) if end > at + 1 else "plain"
        # A table begins with several cells: one line above them is a title, or text.
        if kind == "plain" or (kind == "table" and len(region[0].segments) < 2):
            plain += region[:1]
            at += 1
            continue
        yield from _paragraphs(plain)
        plain = []
        if kind == "prose":
            yield from _continued([list(_blocks(one, rules)) for one in _read_order(region)])
        else:
            yield Block(list(region), _cells(region, rules))
        at = end
    yield from _paragraphs(plain)


def _continued(columns: Sequence[list[Block]]) -> Iterator[Block]:
    """A paragraph that goes on in the next column is one."""
    last: Block | None = None
    for column in columns:
        for n, block in enumerate(column):
            if last and n == 0 and _goes_on_in(last, block):
                last = Block([*last.rows, *block.rows])
                continue
            if last:
                yield last
            last = block
    if last:
        yield last


def _goes_on_in(last: Block, first: Block) -> bool:
    if last.cells is not None or first.cells is not None:
        return False
    return not last.text.endswith(_SENTENCE_END) and first.text[:1].islower()


def _columns_end(rows: Sequence[Row], start: int) -> int:
    """The row after the last of those that stand in the same columns as the first."""
    end = start + 1
    strips = _strips(rows[start:end])
    while end < len(rows):
        above, row = rows[end - 1], rows[end]
        if above.y0 - row.y1 > 3 * _LEADING * max(above.height, row.height):
            break
        if len(row.segments) == 1 and not _alike(above, row):
            break
        now = _strips(rows[end : end + 1], strips)
        if len(now) < 2 and (len(strips) > 1 or end - start > 2):
            break
        if len(now) < len(strips) - 1 and len(now) < 3:
            break
        strips, end = now, end + 1
    while end > start + 1 and len(rows[end - 1].segments) < 2 and _stands_apart(rows, start, end):
        end -= 1
    return end if len(strips) > 1 else start + 1


def _alike(one: Row, other: Row) -> bool:
    """Whether the letters of both are of the same height."""
    return abs(one.height - other.height) <= 0.12 * max(one.height, other.height)


def _stands_apart(rows: Sequence[Row], start: int, end: int) -> bool:
    """Whether the last row of a region stands further from it than its rows from each other."""
    gaps = [
        one.y0 - two.y1 for one, two in zip(rows[start : end - 1], rows[start + 1 :], strict=False)
    ]
    last, others = gaps[-1], gaps[:-1]
    return not others or last > median(others) + 0.3 * rows[end - 1].height


def _kind(region: Sequence[Row]) -> str:
    strips = _strips(region)
    several = [row for row in region if len(row.segments) > 1]
    columns = [
        [segment for row in region for segment in row.segments if _is_in(segment, strip)]
        for strip in strips
    ]
    wide = [len(one) > 2 and median(len(s.text) for s in one) >= _prose(one) for one in columns]
    if len(strips) in (2, 3) and all(wide):
        return "prose"
    if len(strips) > 1 and len(several) > 1:
        return "table"
    return "plain"


def _prose(column: Sequence[Segment]) -> int:
    """Signs of Chinese say as much as two letters or three."""
    wide = sum(map(_is_unspaced, "".join(segment.text for segment in column[:5])))
    return _PROSE // 2 if wide > _PROSE else _PROSE


def _is_in(segment: Segment, strip: Strip) -> bool:
    return strip[0] - 0.1 <= segment.x0 and segment.x1 <= strip[1] + 0.1


def _read_order(region: Sequence[Row]) -> list[list[Row]]:
    columns: list[list[Row]] = []
    for strip in _strips(region):
        held = [(row, [one for one in row.segments if _is_in(one, strip)]) for row in region]
        columns.append([Row(row.y0, row.y1, inside) for row, inside in held if inside])
    text = "".join(row.text for row in region)
    return columns[::-1] if _is_rtl(text) else columns


def _cells(region: Sequence[Row], rules: Sequence[float]) -> list[list[str]]:
    """Rows of cells. A cell may have several lines: between two rules, or below its first one."""
    strips = _strips(region)
    rtl = _is_rtl("".join(row.text for row in region))
    made: list[list[list[str]]] = []
    band = -1
    for n, row in enumerate(region):
        cells = [[s.text for s in row.segments if _is_in(s, strip)] for strip in strips]
        if rtl:
            cells.reverse()
        middle = (row.y0 + row.y1) / 2
        now = sum(1 for rule in rules if rule > middle)
        between = sum(
            1 for rule in rules if region[-1].y0 - row.height < rule < region[0].y1 + row.height
        )
        ruled = between >= 3
        goes_on = (ruled and now == band) or (not ruled and n > 0 and _goes_on(region, n, cells))
        band = now
        if made and goes_on:
            for above, below in zip(made[-1], cells, strict=True):
                above += below
        else:
            made.append(cells)
    return [[joined_lines(cell) for cell in cells] for cells in made]


def _goes_on(region: Sequence[Row], n: int, cells: Sequence[Sequence[str]]) -> bool:
    """Without rules: a row that lacks cells and stands closer to the one above than rows do."""
    if all(cells) or (len(cells) > 2 and not cells[0] and all(cells[1:])):
        return False
    gaps = [above.y0 - row.y1 for above, row in itertools.pairwise(region)]
    return not cells[0] and gaps[n - 1] <= median(gaps) + 0.1 * region[n].height


def _paragraphs(rows: Sequence[Row]) -> Iterator[Block]:
    block: list[Row] = []
    right = max((row.segments[-1].x1 for row in rows), default=0.0)
    for row in rows:
        if block and _begins_anew(block, row, right):
            yield Block(block)
            block = []
        block.append(row)
    if block:
        yield Block(block)


def _begins_anew(block: Sequence[Row], row: Row, right: float) -> bool:
    above = block[-1]
    height = max(above.height, row.height)
    if not _alike(above, row) or above.bold != row.bold:
        return True
    gap = above.y0 - row.y1
    usual = median([a.y0 - b.y1 for a, b in itertools.pairwise(block)] or [gap])
    if gap > _LEADING * height or gap > usual + 0.3 * height or gap < -height:
        return True
    if _ITEM.match(row.text):
        return True
    width = right - min(block[0].segments[0].x0, row.segments[0].x0)
    short = right - above.segments[-1].x1 > 0.25 * width
    return short and above.text.endswith(_SENTENCE_END) and not _is_rtl(above.text)
