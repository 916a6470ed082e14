"""What can be quoted of a source: sentences, lists, rows and values, with what they answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from compose.local.bedrock.blocks import FENCE, MARK, UNSPACED, Block, blocks
from compose.local.bedrock.sentence_ends import split_sentences

_BULLET = re.compile(r"^[-*+•◦▪‣·–]\s+")
_OPENS = re.compile(r"[:：]\s*\Z")
_ASKS = re.compile(r"[?？؟]\W*\Z")
_ENDED = re.compile(r"[.!?。！？।]\W*\Z")
_UNSPACED = re.compile(f"[{UNSPACED}]")
MOST_OF_A_LIST = 1200
"""Characters of a list that is quoted whole."""
SHORT_LINE = 60


@dataclass(frozen=True)
class Sentence:
    """What is quoted, verbatim, and the headings, question or opening line above it.

    Rows and items are parts of something larger: `own` is what such a part says itself. A row is
    quoted as people read it; `spoken` is that row with the names of all its columns.
    """

    quote: str
    lead: str = ""
    part: Literal["", "item", "row"] = ""
    own: str = ""
    spoken: str = ""

    @property
    def text(self) -> str:
        """All that it says itself."""
        return self.spoken or self.quote

    @property
    def in_context(self) -> str:
        """The text to compare with a question."""
        return f"{self.lead} {self.text}".strip()


def sentences(text: str) -> list[Sentence]:
    """All that can be quoted. Headings, questions and opening lines lead, they answer nothing.

    A list is found as a whole, with the line that opens it ("Bring these documents:"), and each of
    its items too.
    """
    found: list[Sentence] = []
    path: dict[int, str] = {}
    opening, last = "", ""
    for block in _with_loose_items(blocks(text)):
        if last == "row" != block.kind:
            opening = ""
        last = block.kind
        lead = " ".join(path[level] for level in sorted(path))
        if block.kind == "heading":
            path = {level: name for level, name in path.items() if level < block.level}
            path[block.level] = block.text
            opening = ""
        elif block.kind == "row":
            above = f"{lead} {opening}".strip()
            found.append(Sentence(block.text, above, "row", block.cells, block.spoken))
        elif block.kind == "text":
            said, opening = _of_paragraph(block.text, lead, opening)
            found += said
        else:
            found += _of_list(block, lead, opening)
            opening = ""
    return [sentence for sentence in found if _says_something(sentence)]


def _of_paragraph(text: str, lead: str, opening: str) -> tuple[list[Sentence], str]:
    """Its sentences, and the line at its end that opens what follows, or the last question."""
    found: list[Sentence] = []
    for sentence in split_sentences(text):
        if _OPENS.search(opening):
            found.append(Sentence(f"{opening} {sentence}", lead))
            opening = ""
        elif _ASKS.search(sentence):
            opening = sentence
        else:
            found.append(Sentence(sentence, f"{lead} {opening}".strip()))
            opening = ""
    if found and not opening and _OPENS.search(found[-1].quote):
        opening = found.pop().quote
    return found, opening


def _of_list(block: Block, lead: str, opening: str) -> Iterator[Sentence]:
    """The whole of it, if it is not too long, then its parts."""
    opens = _OPENS.search(opening)
    whole = f"{opening}\n{block.text}" if opens else block.text
    above = f"{lead} {opening}".strip()
    # An open fence would make code of all that stands after the quotation.
    open_fence = block.kind == "code" and not FENCE.match(block.lines[-1])
    fits = len(whole) <= MOST_OF_A_LIST and not open_fence
    if fits and (opens or len(block.lines) > 1):
        yield Sentence(whole, lead if opens else above)
    if block.kind == "items":
        for item in block.lines:
            for sentence in split_sentences(_BULLET.sub("", item)):
                yield Sentence(sentence, above, "item", sentence)
    elif not fits:
        for line in block.lines:
            if not FENCE.match(line):
                yield Sentence(line.strip(), above, "item", line)


def _with_loose_items(found: list[Block]) -> Iterator[Block]:
    """Short lines with blank lines between them, after a line that ends in a colon, are a list."""
    loose: list[Block] = []
    opened = False
    for block in found:
        short = block.kind == "text" and len(block.text) <= SHORT_LINE
        if opened and short and not _ENDED.search(block.text) and not _OPENS.search(block.text):
            loose.append(block)
            continue
        yield from _as_list(loose)
        loose = []
        opened = block.kind == "text" and bool(_OPENS.search(block.text))
        yield block
    yield from _as_list(loose)


def _as_list(loose: list[Block]) -> Iterator[Block]:
    if len(loose) > 1:
        yield replace(loose[0], kind="items", lines=tuple(block.text for block in loose))
    else:
        yield from loose


def _says_something(sentence: Sentence) -> bool:
    """A word alone says something only below a heading or after a question."""
    words = re.findall(r"\w+", MARK.sub("", sentence.quote))
    return len(words) > 1 or bool(words and (sentence.lead or _UNSPACED.search(words[0])))
