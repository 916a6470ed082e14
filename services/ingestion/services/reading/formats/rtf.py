"""RTF, which xberg reads right: letters of any code page, tables, hidden text, titles."""

import asyncio
import re

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.formats.html import markdown_of
from services.ingestion.services.reading.formats.office.packages import real_title

# A group of text that a tracked change has deleted; its signs with a meaning for RTF.
_DELETED = re.compile(rb"\{(?:\\[a-z]+-?\d* ?)*?\\deleted(?![a-z0-9])")
_SIGN = re.compile(rb"\\.|[{}]", re.S)
_NOTE = re.compile(r"(?m)^\[\^\d+\]:\s*|\[\^\d+\]")


def read_rtf(body: bytes) -> Parsed:
    return asyncio.run(_read(body))


async def _read(body: bytes) -> Parsed:
    import xberg

    kept = _without_deleted(body)
    source = xberg.ExtractInput(kind="bytes", bytes=kept, mime_type="application/rtf")
    config = xberg.ExtractionConfig(use_cache=False, disable_ocr=True, output_format="html")
    result = await xberg.extract(source, config)
    if result.errors or not result.results:
        raise Rejected("unreadable", "The file is broken, or no RTF; save it anew.")
    [document] = result.results
    text = _NOTE.sub("", markdown_of(document.content))
    return Parsed(text, True, title=real_title(document.metadata.title))


def _without_deleted(body: bytes) -> bytes:
    kept, at = list[bytes](), 0
    while found := _DELETED.search(body, at):
        kept.append(body[at : found.start()])
        at = _group_end(body, found.end())
    return b"".join([*kept, body[at:]])


def _group_end(body: bytes, at: int) -> int:
    """The place behind the `}` of the group that this place is in."""
    depth = 1
    for sign in _SIGN.finditer(body, at):
        depth += {b"{": 1, b"}": -1}.get(sign[0], 0)
        if not depth:
            return sign.end()
    return len(body)


# What a packed text may refer to before its own beginning (MS-OXRTFCP 2.1.2.1).
_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_HEAD, _WINDOW, _UNPACKED_MAX = 16, 4096, 32 * 1024 * 1024


def unpacked_rtf(packed: bytes) -> bytes:
    """The body of an Outlook mail (MS-OXRTFCP): 8 signs or references to earlier ones at a time.

    Raises ValueError for another form.
    """
    kind = packed[8:12]
    if kind == b"MELA":
        return packed[_HEAD:]
    if kind != b"LZFu":
        raise ValueError("no packed RTF")
    window = bytearray(_DICTIONARY.ljust(_WINDOW, b"\0"))
    write, at, made = len(_DICTIONARY), _HEAD, bytearray()
    while at < len(packed) and len(made) < _UNPACKED_MAX:
        control, at = packed[at], at + 1
        for bit in range(8):
            if not control >> bit & 1:
                piece, at = packed[at : at + 1], at + 1
            else:
                told, at = int.from_bytes(packed[at : at + 2], "big"), at + 2
                start = told >> 4
                if start == write:
                    return bytes(made)
                piece = b""
                for n in range((told & 15) + 2):
                    sign = window[(start + n) % _WINDOW]
                    window[write] = sign
                    write = (write + 1) % _WINDOW
                    made.append(sign)
            for sign in piece:
                window[write] = sign
                write = (write + 1) % _WINDOW
                made.append(sign)
    return bytes(made)
