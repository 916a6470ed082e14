"""The structure of a parsed text: headings, paragraphs, tables, code, each as a span."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "text", "table", "code"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
# Closing marks need a blank before them (CommonMark 4.2): "# Guide to C#" ends in a letter's sharp.
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_MARKUP = re.compile(r"[*_`]+|\\(?=[!-/:-@\[-`{-~])")
# A heading's text stands in the title of each passage below it, so it must not crowd out the text:
# a longer line is read as text, whatever marks stand before it.
HEADING_MAX = 300


@dataclass(frozen=True, slots=True)
class Block:
    """`text[start:end]`; `level` and `heading` are a heading's own."""

    kind: Kind
    start: int
    end: int
    level: int = 0
    heading: str = ""


def blocks_of(text: str, *, markdown: bool) -> Iterator[Block]:
    """Blocks in order; together they hold every character but blank lines."""
    kind: Kind = "text"
    start = end = 0
    fence = ""
    for match in _LINE.finditer(text):
        line = match[0].rstrip("\n")
        if fence:
            end = match.end()
            if line.strip().startswith(fence):
                yield Block("code", start, end)
                fence, start = "", end
            continue
        found = _kind_of(line, markdown)
        if end > start and (found != kind or found == "heading"):
            yield Block(kind, start, end)
            start = end
        if found is None:
            start = end = match.end()
            continue
        if end == start:
            start = match.start()
        kind, end = found, match.end()
        if found == "heading":
            yield _heading(line, start, end)
            start = end
        elif found == "code":
            fence = _FENCE.match(line)[1]  # type: ignore[index]
    if end > start:
        yield Block("code" if fence else kind, start, end)


def _kind_of(line: str, markdown: bool) -> Kind | None:
    """None for a blank line."""
    if not line.strip():
        return None
    if not markdown:
        return "text"
    if heading_of(line):
        return "heading"
    if line.lstrip().startswith("|"):
        return "table"
    return "code" if _FENCE.match(line) else "text"


def _heading(line: str, start: int, end: int) -> Block:
    marks = line.lstrip().partition(" ")[0].partition("\t")[0]
    return Block("heading", start, end, len(marks), heading_of(line))


def heading_of(line: str) -> str:
    """A heading line's words without markup; empty for any other line."""
    match = _HEADING.match(line)
    if match is None or len(line) > HEADING_MAX:
        return ""
    return plain(match[2])


def plain(words: str) -> str:
    """Words without markup, on one line."""
    return " ".join(_MARKUP.sub("", words).split())
