"""Markdown tables as sentences: each row names its columns, so that it can stand alone."""

import re
from collections.abc import Iterator, Sequence

_RULE = re.compile(r"^\s*\|?[\s:|-]*-[\s:|-]*\|?\s*$")


def is_row(line: str) -> bool:
    return line.lstrip().startswith("|")


def with_spoken_rows(lines: Sequence[str]) -> Iterator[str]:
    """The lines; under a head and its rule a row reads `| Country: Sweden; Hotel: 140.`"""
    head: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if not is_row(line):
            head = []
            yield line
        elif _RULE.match(following) and is_row(following):
            head = _cells(line)
        elif head and not _RULE.match(line):
            yield _spoken(head, _cells(line))
        elif not head:
            yield line


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _spoken(head: list[str], cells: list[str]) -> str:
    named = [
        f"{name}: {cell}" if name else cell
        for name, cell in zip([*head, *[""] * len(cells)], cells, strict=False)
        if cell
    ]
    return f"| {'; '.join(named)}."
