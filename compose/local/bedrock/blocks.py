"""Markdown or plain text as blocks: headings, rows of tables, lists, code, paragraphs."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from compose.local.bedrock.tables import Row, with_spoken_rows

# Scripts that are written without blanks between words.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\uff66-\uff9f"
MARK = re.compile(r"^\s*(?:[-*+•◦▪‣·–]|\(?\d{1,3}[.)])\s+")
_NUMBER = re.compile(r"^\s*\(?\d")
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")
_UNDERLINE = re.compile(r"^ {0,3}(=|-)\1+\s*$")
FENCE = re.compile(r"^\s*(```|~~~)")
_QUOTED = re.compile(r"^\s*(?:>\s?)+")
_PAIR = re.compile(r"^[^\s:：][^:：]{0,39}(?::\s+|：\s*)\S")
_SEAM = re.compile(rf"(?<=[{UNSPACED}\uff00-\uff65])\n(?=[{UNSPACED}\uff00-\uff65])")


@dataclass(frozen=True)
class Block:
    """Text as it stands: of headings, rows and paragraphs one line, of lists one for each item.

    Items keep their marks, code its fence. `level` is a heading's, 1…6. `spoken` is a row that
    names all its columns, `cells` are its own, without their names.
    """

    kind: Literal["heading", "row", "items", "code", "text"]
    lines: tuple[str, ...]
    level: int = 0
    spoken: str = ""
    cells: str = ""

    @property
    def text(self) -> str:
        """All lines under each other."""
        return "\n".join(self.lines)


def blocks(text: str) -> list[Block]:
    """The blocks in their order. Wrapped lines of an item or a paragraph are joined."""
    found: list[Block] = []
    gap = False
    for line in _lines(text):
        if line is None:
            gap = True
            continue
        last = found[-1] if found else line
        if last.kind == line.kind == "items" and last is not line:
            found[-1] = replace(last, lines=last.lines + line.lines)
        elif line.kind == "text" and last.kind == "items" and not gap:
            *items, item = last.lines
            found[-1] = replace(last, lines=(*items, _joined(item, *line.lines)))
        elif line.kind == last.kind == "text" and found and not gap:
            found[-1] = replace(last, lines=last.lines + line.lines)
        else:
            found.append(line)
        gap = False
    return [_settled(block) for block in found]


def _lines(text: str) -> Iterator[Block | None]:
    """Each line as a block, code as one; None for a line without a word."""
    waiting = deque(with_spoken_rows(text.splitlines()))
    while waiting:
        line = waiting.popleft()
        if isinstance(line, Row):
            yield Block("row", (line.quote,), spoken=line.spoken, cells=line.cells)
        elif FENCE.match(line):
            yield Block("code", (line, *_fenced(waiting)))
        elif waiting and _is_title(line, waiting[0]):
            waiting.popleft()
            yield Block("heading", (line.strip(),), level=1)
        else:
            yield _line(_QUOTED.sub("", line))


def _fenced(waiting: deque[str | Row]) -> Iterator[str]:
    """Takes what stands up to the closing fence, and the fence."""
    while waiting:
        line = waiting.popleft()
        yield line if isinstance(line, str) else line.quote
        if isinstance(line, str) and FENCE.match(line):
            return


def _is_title(line: str, following: str | Row) -> bool:
    underlined = isinstance(following, str) and _UNDERLINE.match(following)
    return bool(underlined and re.search(r"\w", line) and not MARK.match(line))


def _line(line: str) -> Block | None:
    if heading := _HEADING.match(line):
        return Block("heading", (heading[2],), level=len(heading[1]))
    if not re.search(r"\w", line):
        return None
    return Block("items" if MARK.match(line) else "text", (line.strip(),))


def _settled(block: Block) -> Block:
    """A paragraph on one line. Pairs (`Port: 8443`) are a list, a single number begins none."""
    if block.kind == "text":
        pairs = len(block.lines) > 1 and all(_PAIR.match(line) for line in block.lines)
        return replace(block, kind="items") if pairs else _paragraph(block)
    alone = block.kind == "items" and len(block.lines) == 1
    return _paragraph(block) if alone and _NUMBER.match(block.lines[0]) else block


def _paragraph(block: Block) -> Block:
    return replace(block, kind="text", lines=(_joined(*block.lines),))


def _joined(*lines: str) -> str:
    return _SEAM.sub("", "\n".join(line.strip() for line in lines)).replace("\n", " ")
