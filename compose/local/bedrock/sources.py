"""The numbered sources in a prompt."""

import re
from dataclasses import dataclass

BLOCK = re.compile(r'<sources marker="([^"\n]+)">\n(.*?)\n?</sources marker="\1">(.*)', re.DOTALL)
QUESTION = re.compile(r"^\s*Question:\s*(.*?)(?:\n\(In this conversation: (.*)\))?\s*\Z", re.DOTALL)
HEADING = re.compile(r"^\[(\d+)\] \((.*)\)$")


@dataclass(frozen=True)
class Source:
    """One numbered source."""

    number: int
    name: str
    text: str


@dataclass(frozen=True)
class SourcedQuestion:
    """A question with the sources that may answer it.

    `query` is the question as it was understood in its conversation, if that is more.
    """

    question: str
    sources: list[Source]
    query: str = ""


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
        (In this conversation: what the question means there; this line may be absent)
    """
    block = BLOCK.search(prompt)
    if block is None:
        return None
    asked = QUESTION.match(block[3])
    if asked is None:
        return SourcedQuestion(block[3].strip(), _split(block[2]))
    return SourcedQuestion(asked[1].strip(), _split(block[2]), asked[2] or "")


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
