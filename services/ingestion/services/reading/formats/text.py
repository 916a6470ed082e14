"""Text and Markdown, as they are written."""

import re

from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.decoding import decode, tidy

_FRONT_MATTER = re.compile(
    r"(?:---|\+\+\+)[ \t]*\n(.*?)^(?:---|\+\+\+|\.\.\.)[ \t]*$\n?", re.S | re.M
)
_FRONT_TITLE = re.compile(r"""(?mi)^["']?title["']?[ \t]*[:=][ \t]*(.*(?:\n[ \t]+\S.*)*)""")
_FRONT_KEY = re.compile(r"""(?m)^["']?[\w.-]+["']?[ \t]*[:=]""")
_CODE_OR_COMMENT = re.compile(r"<!--|^[ \t]*(`{3,}|~{3,})[^\n]*\n|(?<!`)(`{1,8})(?!`)", re.M)


def read_text(body: bytes) -> Parsed:
    return Parsed(tidy(decode(body)), markdown=False)


def read_markdown(body: bytes) -> Parsed:
    """Front matter gives the title and is no text; neither are comments."""
    text = tidy(decode(body))
    front = _FRONT_MATTER.match(text)
    title = ""
    if front and (_FRONT_KEY.search(front[1]) or not front[1].strip()):
        text = text[front.end() :]
        found = _FRONT_TITLE.search(front[1])
        title = _scalar(found[1]) if found else ""
    return Parsed(_without_comments(text).lstrip("\n"), markdown=True, title=title)


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
