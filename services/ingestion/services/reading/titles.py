"""A document's title: what its metadata says, else what the file says, else a readable name."""

import re
from pathlib import PurePosixPath
from typing import Any

from services.ingestion.models.parsed import Parsed
from services.ingestion.services.chunking.blocks import blocks_of

_WORDS = re.compile(r"[^\W\d_]{3,}")
TOP = 2000
_IDENTIFIER = re.compile(r"(?i)[0-9a-f-]{16,}|[^\W_]*\d[^\W_]*")


def title_of(parsed: Parsed, name: str, metadata: dict[str, Any]) -> str:
    """Empty when nothing tells: an identifier as a title would only be noise in every passage."""
    given = metadata.get("title")
    if isinstance(given, str) and given.strip():
        return given.strip()
    return parsed.title or _heading(parsed) or readable(name)


def _heading(parsed: Parsed) -> str:
    """The heading that the text begins with, or its first main one near the top."""
    top = parsed.text.lstrip()[:TOP]
    for n, block in enumerate(blocks_of(top, markdown=parsed.markdown)):
        if block.kind == "heading" and block.heading and (n == 0 or block.level == 1):
            return block.heading
    return ""


def readable(name: str) -> str:
    """`reports/ferry_fares-2024.pdf` is about `ferry fares 2024`; `4983.txt` about nothing."""
    stem = PurePosixPath(name).stem
    words = " ".join(re.split(r"[\s_\-.]+", stem)).strip()
    if _IDENTIFIER.fullmatch(stem) or not _WORDS.search(words):
        return ""
    return words
