"""The structure of a parsed text: headings, paragraphs, tables, code, each as a span."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "text", "table", "code"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
# Closing marks need a blank before them (CommonMark 4.2): "# Guide to C#" ends in a letter's sharp.
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
# A fence may stand in a list, so any margin will do; it closes with nothing but as many marks.
_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")
# What is underlined is one line of words: no quotation, no item of a list (CommonMark 4.3).
_UNDERLINE = re.compile(r" {0,3}(={2,}|-{2,})[ \t]*$")
_NO_HEADING = re.compile(r" {4}|\t| {0,3}(?:[>|]|[-+*][ \t]|\d+[.)][ \t])")
_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_STRESS = re.compile(r"(?<![\w*\\])(\*{1,3})(?=[^\s*])(.+?)(?<=[^\s*\\])\1(?![\w*])")
# A name such as __init__ keeps its marks: nobody stresses it.
_UNDERSCORES = re.compile(r"(?<![\w\\])(_{1,3})(?=[^\s_])(.+?)(?<=[^\s_\\])\1(?!\w)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
# A heading's text stands in the title of each passage below it, so it must not crowd out the text:
# a longer line is read as text, whatever marks stand before it.
HEADING_MAX = 300


@dataclass(frozen=True, slots=True)
class Block:
    """`text[start:end]`; `level` and `heading` are a heading's own.

    A table's header ends at `head`; it ends where it starts when there is none.
    """

    kind: Kind
    start: int
    end: int
    level: int = 0
    heading: str = ""
    head: int = 0


def blocks_of(text: str, *, markdown: bool) -> Iterator[Block]:
    """Blocks in order; together they hold every character but blank lines."""
    kind: Kind = "text"
    start = end = 0
    fence = ""
    for match in _LINE.finditer(text):
        line = match[0].rstrip("\n")
        if fence:
            end = match.end()
            if _closes(line, fence):
                yield Block("code", start, end)
                fence, start = "", end
            continue
        found = _kind_of(line, markdown)
        if markdown and kind == "text" and _UNDERLINE.match(line) and start < end:
            above = text[start:end] if end - start <= HEADING_MAX else ""
            if words := heading_of(above, underline=line):
                yield Block("heading", start, match.end(), 1 if "=" in line else 2, words)
                start = end = match.end()
                continue
        if end > start and (found != kind or found == "heading"):
            yield _block(text, kind, start, end)
            start = end
        if found is None:
            start = end = match.end()
            continue
        if end == start:
            start = match.start()
        kind, end = found, match.end()
        if found == "heading":
            level = len(line.lstrip()) - len(line.lstrip().lstrip("#"))
            yield Block("heading", start, end, level, heading_of(line))
            start = end
        elif found == "code":
            fence = _FENCE.match(line)[1]  # type: ignore[index]
    if end > start:
        yield _block(text, "code" if fence else kind, start, end)


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


def _is_rule(line: str) -> bool:
    return _UNDERLINE.match(line) is not None


def _closes(line: str, fence: str) -> bool:
    marks = line.strip()
    return len(marks) >= len(fence) and not marks.strip(fence[0])


def _block(text: str, kind: Kind, start: int, end: int) -> Block:
    """A table has a header where its second line is a rule, with or without outer bars."""
    first = text.find("\n", start, end) + 1
    second = text.find("\n", first, end) + 1 if first else 0
    if kind in ("table", "text") and second and "|" in text[start:first]:
        rule = text[first:second].rstrip("\n")
        if "|" in rule and _RULE.match(rule):
            return Block("table", start, end, head=second)
    return Block(kind, start, end, head=start)


def heading_of(line: str, underline: str = "") -> str:
    """The words of a heading's line without markup; empty for any other line."""
    if len(line) > HEADING_MAX:
        return ""
    if underline:
        line = line.rstrip("\n")
        return "" if "\n" in line or _NO_HEADING.match(line) else plain(line)
    match = _HEADING.match(line)
    return plain(match[2]) if match else ""


def plain(words: str) -> str:
    """Words without Markdown's markup, on one line; other stars and underscores stay."""
    words = _CODE.sub(lambda code: code[2].strip(), words)
    for marks in (_STRESS, _UNDERSCORES):
        words = marks.sub(_unstressed, words)
    return " ".join(_ESCAPE.sub(r"\1", words).split())


def _unstressed(found: re.Match[str]) -> str:
    is_name = len(found[1]) > 1 and found[1][0] == "_" and re.fullmatch(r"\w+", found[2])
    return found[0] if is_name else found[2]
