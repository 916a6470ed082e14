"""Text and Markdown, as they are written; reStructuredText as Markdown."""

import re
from collections.abc import Iterator

from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.decoding import decode, tidy
from services.ingestion.services.reading.markup import fenced, heading, tidied

_FRONT_MATTER = re.compile(
    r"(?:---|\+\+\+)[ \t]*\n(.*?)^(?:---|\+\+\+|\.\.\.)[ \t]*$\n?", re.S | re.M
)
_FRONT_TITLE = re.compile(r"""(?mi)^["']?title["']?[ \t]*[:=][ \t]*(.*(?:\n[ \t]+\S.*)*)""")
_FRONT_KEY = re.compile(r"""(?m)^["']?[\w.-]+["']?[ \t]*[:=]""")
_CODE_OR_COMMENT = re.compile(r"<!--|^[ \t]*(`{3,}|~{3,})[^\n]*\n|(?<!`)(`{1,8})(?!`)", re.M)


def read_text(body: bytes) -> list[Parsed]:
    return [Parsed(tidy(decode(body)), markdown=False)]


def read_markdown(body: bytes) -> list[Parsed]:
    """Front matter gives the title and is no text; neither are comments."""
    text = tidy(decode(body))
    front = _FRONT_MATTER.match(text)
    title = ""
    if front and (_FRONT_KEY.search(front[1]) or not front[1].strip()):
        text = text[front.end() :]
        found = _FRONT_TITLE.search(front[1])
        title = _scalar(found[1]) if found else ""
    return [Parsed(_without_comments(text).lstrip("\n"), markdown=True, title=title)]


def _scalar(value: str) -> str:
    """A value of YAML or TOML on one line: quotes, block marks and a comment are not part of it."""
    words = " ".join(value.split())
    quoted = re.match(r"""(["'])(.*?)\1(?:\s+#.*)?$""", words)
    if quoted:
        return quoted[2].replace("''", "'") if quoted[1] == "'" else quoted[2].replace('\\"', '"')
    return re.sub(r"^[>|][+-]?\s+|\s+#.*$", "", words)


def _without_comments(text: str) -> str:
    """What looks like a comment inside code stays."""
    if "<!--" not in text:
        return text
    kept: list[str] = []
    at = kept_to = 0
    while found := _CODE_OR_COMMENT.search(text, at):
        at = found.end()
        if fence := found[1]:
            close = re.compile(rf"^[ \t]*{fence}", re.M).search(text, at)
            at = close.end() if close else len(text)
        elif ticks := found[2]:
            line_end = text.find("\n", at)
            close_at = text.find(ticks, at, line_end if line_end >= 0 else len(text))
            at = close_at + len(ticks) if close_at >= 0 else at
        else:
            end = text.find("-->", at)
            if end < 0:
                break
            kept.append(text[kept_to : found.start()])
            at = kept_to = end + len("-->")
    return "".join([*kept, text[kept_to:]])


_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1{2,}[ \t]*$")
_DIRECTIVE = re.compile(r"[ \t]*\.\.[ \t]+(?:\|[^|]+\|[ \t]+)?[\w:-]+::|[ \t]*\.\.[ \t]+[\[_|]")
_REMARK = re.compile(r"[ \t]*\.\.(?:[ \t]|$)")
_CODE_FOLLOWS = re.compile(
    r"[ \t]*\.\.[ \t]+(?:code|code-block|sourcecode|math)::|(?!.*\.\. ).*::[ \t]*$"
)


def read_rst(body: bytes) -> list[Parsed]:
    """As it is written, but its headings and its code as Markdown's, and without comments."""
    lines = tidy(decode(body)).expandtabs().split("\n")
    return [Parsed(tidied("\n".join(_rst(lines))), markdown=True)]


def _rst(lines: list[str]) -> Iterator[str]:
    """A heading's level comes from the order in which its marks are first met."""
    levels: list[str] = []
    at = 0
    while at < len(lines):
        marks, words, below = _rst_heading(lines, at)
        end = _indented_end(lines, at)
        if marks:
            if marks not in levels:
                levels.append(marks)
            yield f"\n{heading(levels.index(marks) + 1, words)}\n"
            at = below
        elif _CODE_FOLLOWS.match(lines[at]) and end > at + 1:
            yield from (lines[at], "", fenced("\n".join(lines[at + 1 : end])), "")
            at = end
        elif _REMARK.match(lines[at]) and not _DIRECTIVE.match(lines[at]):
            at = end
        else:
            yield lines[at]
            at += 1


def _rst_heading(lines: list[str], at: int) -> tuple[str, str, int]:
    """Its kind of marks (two for marks above and below), its words, the line after it."""
    above = _ADORNMENT.match(lines[at]) is not None
    words, marks, *_ = *lines[at + above : at + above + 2], "", ""
    found = _ADORNMENT.match(marks)
    if not found or not words.strip() or _ADORNMENT.match(words):
        return "", "", at
    if (above and lines[at].rstrip() != marks.rstrip()) or (not above and words.startswith(" ")):
        return "", "", at
    return found[1] * (1 + above), words, at + above + 2


def _indented_end(lines: list[str], at: int) -> int:
    """The line after those that stand further in than this one."""
    margin = len(lines[at]) - len(lines[at].lstrip())
    end = at + 1
    while end < len(lines) and (
        not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > margin
    ):
        end += 1
    return end
