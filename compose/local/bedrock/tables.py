"""Markdown tables as sentences: each row names its columns, so that it can stand alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_BAR = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Row:
    """What is quoted of a row, `Country: Sweden; Hotel: 140.`, and its bare cells."""

    quote: str
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
            yield Row(_spoken(head, cells), bare) if head else Row(line.strip(), bare)


def _begins_table(line: str, following: str) -> bool:
    ruled = _RULE.match(following) and "|" in following
    return bool(ruled and _BAR.search(line) and not _RULE.match(line))


def _cells(line: str) -> list[str]:
    framed = line.strip().removeprefix("|")
    framed = framed[:-1] if framed.endswith("|") and not framed.endswith("\\|") else framed
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(framed)]


def _spoken(head: list[str], cells: list[str]) -> str:
    named = [
        f"{name}: {cell}" if name else cell
        for name, cell in zip([*head, *[""] * len(cells)], cells, strict=False)
        if cell
    ]
    return f"{'; '.join(named)}."
