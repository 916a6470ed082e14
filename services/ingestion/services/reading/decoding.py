"""Text and Markdown need no parser: they are decoded here."""

import codecs

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def parse_plain(body: bytes, *, markdown: bool) -> Parsed:
    """UTF-8, or what the byte order mark says, or Windows-1252. Raises Rejected for binary data."""
    text = _decoded(body)
    if "\0" in text:
        raise Rejected("unreadable", "The file is said to be text but holds binary data.")
    return plain_text(text, markdown=markdown)


def plain_text(text: str, *, markdown: bool) -> Parsed:
    return Parsed(text.replace("\r\n", "\n").replace("\r", "\n"), markdown)


def _decoded(body: bytes) -> str:
    encoding = next((name for bom, name in _BOMS if body.startswith(bom)), "utf-8")
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        # Five bytes mean nothing in Windows-1252; binary data rarely goes without them.
        try:
            return body.decode("cp1252")
        except UnicodeDecodeError:
            raise Rejected("unreadable", "The text is in no known encoding; use UTF-8.") from None
