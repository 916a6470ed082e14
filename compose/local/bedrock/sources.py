"""The numbered sources in a prompt."""

import re
from dataclasses import dataclass

BLOCK = re.compile(r'<sources marker="([^"\n]+)">\n(.*?)\n?</sources marker="\1">(.*)', re.DOTALL)
QUESTION = re.compile(r"^\s*Question:\s*(.*)", re.DOTALL)
HEADING = re.compile(r"^\[(\d+)\] \((.*)\)$")


@dataclass(frozen=True)
class Source:
    """One numbered source."""

    number: int
    name: str
    text: str


@dataclass(frozen=True)
class SourcedQuestion:
    """A question with the sources that may answer it."""

    question: str
    sources: list[Source]


def read_sources(prompt: str) -> SourcedQuestion | None:
    """Sources and question of a prompt; None when it has no source block.

    The last user message carries them in exactly this form; the marker is random for each
    prompt, so that a source cannot close the block itself:

        <sources marker="K7Q2">
        [1] (name of the document, page 3)
        text of the source, possibly several lines
        [2] (other.md)
        text
        </sources marker="K7Q2">
        Question: what the person asks
    """
    block = BLOCK.search(prompt)
    if block is None:
        return None
    asked = QUESTION.match(block[3])
    question = asked[1] if asked else block[3]
    return SourcedQuestion(question.strip(), _split(block[2]))


def _split(text: str) -> list[Source]:
    # Numbers rise by one: a line "[7] (…)" inside the text of a source is no heading.
    sources: list[Source] = []
    lines: list[str] = []
    for line in text.split("\n"):
        heading = HEADING.match(line)
        if heading and int(heading[1]) == len(sources) + 1:
            lines = []
            sources.append(Source(len(sources) + 1, heading[2], ""))
        else:
            lines.append(line)
        if sources:
            last = sources[-1]
            sources[-1] = Source(last.number, last.name, "\n".join(lines).strip())
    return sources
