"""Sentences of a source that can be quoted, each with the heading or question it answers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from compose.local.bedrock.tables import is_row, with_spoken_rows

MARK = re.compile(r"^\s*(?:[-*+•>]|\d+[.)])\s+")
HEADING = re.compile(r"^\s*#+\s*")
EMPHASIS = re.compile(r"\*\*|__|`")
REFERENCE = re.compile(r"\s*\[\d+(?:\s*[,–-]\s*\d+)*\]")
END = re.compile(r"""(?:(?<=[.!?])|(?<=[.!?]["')\]]))\s+(?=["'(\[]*[A-Z0-9])""")
ABBREVIATION = re.compile(r"(?:\b(?:[A-Z]|Dr|Mr|Mrs|Ms|Prof|St|No|Fig|vs|etc|Inc|al|e\.g|i\.e))\.$")
MOST_CHARACTERS = 500


@dataclass(frozen=True)
class Sentence:
    """What is quoted, and the heading or question right before it."""

    quote: str
    lead: str = ""

    @property
    def in_context(self) -> str:
        """The text to compare with a question."""
        return f"{self.lead} {self.quote}".strip()


def sentences(text: str) -> list[Sentence]:
    """The sentences of Markdown or plain text. Headings and questions lead, they answer nothing.

    References such as [12] are cut out: in an answer they would read as citations.
    """
    found: list[Sentence] = []
    lead = ""
    for paragraph in _paragraphs(text):
        if HEADING.match(paragraph):
            lead = HEADING.sub("", paragraph)
            continue
        if is_row(paragraph):
            found.append(Sentence(_cut(_unframed(paragraph)), lead))
            continue
        for sentence in _split(MARK.sub("", paragraph)):
            if sentence.endswith("?"):
                lead = sentence
            elif len(sentence.split()) > 1:
                found.append(Sentence(_cut(sentence), lead))
                lead = ""
    return found


def _paragraphs(text: str) -> Iterator[str]:
    """Lines joined up to an empty line, a heading, a list mark or a table row."""
    open_lines: list[str] = []
    for line in with_spoken_rows(REFERENCE.sub("", EMPHASIS.sub("", text)).splitlines()):
        alone = HEADING.match(line) or is_row(line)
        if open_lines and (alone or not line.strip() or MARK.match(line)):
            yield " ".join(open_lines)
            open_lines = []
        if alone:
            yield line.strip()
        elif line.strip():
            open_lines.append(line.strip())
    if open_lines:
        yield " ".join(open_lines)


def _split(paragraph: str) -> list[str]:
    parts: list[str] = []
    for part in END.split(paragraph):
        if parts and ABBREVIATION.search(parts[-1]):
            parts[-1] += f" {part}"
        else:
            parts.append(part)
    return [part.strip() for part in parts if part.strip()]


def _unframed(row: str) -> str:
    """A spoken row without the bar that marks it; a bare one keeps its bars."""
    return row if row.endswith("|") else row.removeprefix("| ")


def _cut(sentence: str) -> str:
    if len(sentence) <= MOST_CHARACTERS:
        return sentence
    return sentence[:MOST_CHARACTERS].rsplit(" ", 1)[0] + " …"
