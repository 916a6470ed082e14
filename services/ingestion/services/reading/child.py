"""Runs in the parser's process only: xberg from bytes to Markdown, with pages and a title."""

import asyncio
import re
import resource
import sys
from collections.abc import Iterator, Sequence

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import PageSpan, Parsed

# A file built to exhaust memory kills this process, never the service.
MEMORY_MAX_BYTES = 6 * 1024**3
# xberg writes a page's head data in front of the text, closed by the title as a heading.
_FRONT_MATTER = re.compile(r"---\n(?:[^\n]+\n)*\n?(?:## title: [^\n]*\n+)?")
_JUNK_TITLE = re.compile(r"(?i)untitled|microsoft \w+ - .*|.*\.(docx?|pdf|tex|dvi|indd)|\W*")


def limit_memory() -> None:
    """Once, when the process starts; macOS knows the limit but does not keep it."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))


def parse(body: bytes, media_type: str) -> tuple[Parsed, ...]:
    """As `Parser.parse`. Raises Rejected for a file that is broken, locked or too much to read."""
    return asyncio.run(_parse(body, media_type))


async def _parse(body: bytes, media_type: str) -> tuple[Parsed, ...]:
    import xberg

    source = xberg.ExtractInput(kind="bytes", bytes=body, mime_type=media_type)
    config = xberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=True,
        output_format="markdown",
        escape_markdown=False,
        pages=xberg.PageConfig(extract_pages=True),
        language_detection=xberg.LanguageDetectionConfig(enabled=True),
    )
    try:
        result = await xberg.extract(source, config)
    except (RuntimeError, ValueError, xberg.XbergError) as error:
        raise _rejected(str(error)) from None
    if result.errors or not result.results:
        raise _rejected(result.errors[0].message if result.errors else "")
    return (_parsed(result.results[0], media_type),)


def _parsed(document: object, media_type: str) -> Parsed:
    content: str = document.content  # type: ignore[attr-defined]
    metadata = document.metadata  # type: ignore[attr-defined]
    detected: list[str] = document.detected_languages or []  # type: ignore[attr-defined]
    if media_type in ("text/html", "application/xhtml+xml"):
        front = _FRONT_MATTER.match(content)
        content = content[front.end() :] if front else content
    boundaries = (metadata.pages.boundaries or []) if metadata.pages else []
    title = (metadata.title or "").strip()
    return Parsed(
        text=content.replace("\0", " "),
        markdown=True,
        title="" if _JUNK_TITLE.fullmatch(title) else title,
        pages=tuple(_spans(content, boundaries)),
        language=metadata.language or next(iter(detected), None),
    )


def _spans(content: str, boundaries: Sequence[object]) -> Iterator[PageSpan]:
    """The boundaries count bytes of UTF-8, we count characters."""
    raw = content.encode()
    byte = character = 0
    for boundary in boundaries:
        edges = []
        for place in (boundary.byte_start, boundary.byte_end):  # type: ignore[attr-defined]
            character += len(raw[byte:place].decode(errors="ignore"))
            byte = max(byte, place)
            edges.append(character)
        yield PageSpan(boundary.page_number, *edges)  # type: ignore[attr-defined]


def _rejected(detail: str) -> Rejected:
    lower = detail.lower()
    if "password" in lower or "encrypt" in lower:
        return Rejected("password", "The file is protected by a password; send it without one.")
    if "limit" in lower or "too large" in lower or "exceed" in lower:
        return Rejected("too_complex", f"The file is beyond the parser's limits: {detail[:200]}")
    return Rejected("unreadable", f"The file cannot be read: {detail[:200] or 'no content'}")
