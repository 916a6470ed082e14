"""RTF, read by xberg after signs and rows that it loses are written as it knows them."""

import asyncio
import re

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.formats.html import markdown_of
from services.ingestion.services.reading.formats.office.packages import real_title
from services.ingestion.services.reading.formats.symbols import is_symbols, shown

_TOKEN = re.compile(rb"\\([a-z]+)(-?\d{1,9})? ?|\\'([0-9a-fA-F]{2})|\\.?|[{}]|[^\\{}]+", re.S)
_SIGN = re.compile(rb"\\.|[{}]", re.S)
# A font of the font table: its number, what tells of it, its name.
_FONT = re.compile(rb"\\f(\d+)(?:\\[a-z]+-?\d* ?|\{[^{}]*\}|\s)*([^;{}\\]*)")
_ENDS = (b"par", b"cell", b"row", b"nestcell", b"nestrow", b"sect", b"page")
# Word keeps a letter of such a font as a field; what the field shows is often left out.
_FIELD = re.compile(
    rb'(?:\\\*|\\[a-z]+-?\d* ?|[{}\s])*SYMBOL +(\d{1,5})\s+\\\\f\s+"?(Symbol|Wingdings)\b'
)
_HIGH, _LOW, _PRIVATE = range(0xD800, 0xDC00), range(0xDC00, 0xE000), range(0xF000, 0xF100)
# xberg leaves out both halves of a sign beyond 16 bits: they become private signs of 16 bits.
_HALVES = 0xE000 - _HIGH.start
_PAIR = re.compile("[\ue000-\ue3ff][\ue400-\ue7ff]")
# What xberg writes for a row whose table it does not know any more, and for a picture.
_NO_TEXT = re.compile(r'\[TABLE_ROW\]| alt="image"')
_NOTE = re.compile(r"(?m)^\[\^\d+\]:\s*|\[\^\d+\]")


def read_rtf(body: bytes) -> Parsed:
    return asyncio.run(_read(body))


async def _read(body: bytes) -> Parsed:
    import xberg

    prepared = _Preparation(body).prepared()
    source = xberg.ExtractInput(kind="bytes", bytes=prepared, mime_type="application/rtf")
    config = xberg.ExtractionConfig(use_cache=False, disable_ocr=True, output_format="html")
    result = await xberg.extract(source, config)
    if result.errors or not result.results:
        raise Rejected("unreadable", "The file is broken, or no RTF; save it anew.")
    [document] = result.results
    text = _NOTE.sub("", markdown_of(_NO_TEXT.sub("", document.content)))
    return Parsed(_PAIR.sub(_whole, text), True, title=real_title(document.metadata.title))


class _Preparation:
    """Leaves out what a tracked change has deleted, and writes each sign so that xberg reads it.

    Letters of the fonts Symbol and Wingdings stand under the codes of other signs.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._kept: list[bytes] = []
        self._fonts: dict[int, str] = {}
        self._font = ""
        self._outer: list[str] = []
        # Whether a sign for old readers comes next, behind a Unicode one.
        self._instead = False
        # Whether a paragraph has words and no end yet: xberg loses them before a table.
        self._open = False

    def prepared(self) -> bytes:
        at, begins = 0, False
        while token := _TOKEN.match(self._body, at):
            at = token.end()
            word, number = token[1], int(token[2] or 1)
            if word == b"deleted" and number and begins:
                at = _group_end(self._body, at) - 1
            elif word == b"bin":
                at += max(number, 0)
                self._kept.append(self._body[token.start() : at])
            elif word == b"fonttbl":
                end = _group_end(self._body, at) - 1
                self._fonts = _named(self._body[at:end])
                self._kept.append(self._body[token.start() : end])
                at = end
            elif word == b"field" and (found := _FIELD.match(self._body, at)):
                self._kept.append(_written(shown(found[2].decode(), int(found[1]))))
                at = _group_end(self._body, at) - 1
            else:
                self._keep(token, word, number)
            begins = token[0] == b"{" or (begins and word is not None)
        return b"".join(self._kept)

    def _keep(self, token: re.Match[bytes], word: bytes | None, number: int) -> None:
        kept = token[0]
        if kept == b"{":
            self._outer.append(self._font)
        elif kept == b"}":
            self._font = self._outer.pop() if self._outer else ""
        elif word == b"f":
            self._font = self._fonts.get(number, "")
        elif word == b"plain":
            self._font = ""
        elif word in _ENDS:
            self._open = False
        elif word == b"trowd" and self._open:
            kept = b"\\par\\trowd "
        elif word == b"u":
            kept = self._unicode(number & 0xFFFF) or kept
        elif is_symbols(self._font):
            kept = self._symbols(token)
        self._instead = word == b"u"
        self._open |= word is None and kept not in (b"{", b"}") and not kept.isspace()
        self._kept.append(kept)

    def _symbols(self, token: re.Match[bytes]) -> bytes:
        if token[3]:
            return token[0] if self._instead else _written(shown(self._font, int(token[3], 16)))
        if token[0].startswith(b"\\"):
            return token[0]
        letters = token[0].strip(b"\r\n")
        instead, letters = letters[: self._instead], letters[self._instead :]
        return instead + _written("".join(shown(self._font, code) for code in letters))

    def _unicode(self, code: int) -> bytes:
        """Nothing where it stays as it is. The sign for old readers comes next and is kept."""
        if code in _PRIVATE:
            code = ord(shown(self._font, code) or "\ufffd")
        elif code in _HIGH or code in _LOW:
            code += _HALVES
        else:
            return b""
        return b"\\u%d " % (code - 0x10000 if code > 0x7FFF else code)


def _named(fonts: bytes) -> dict[int, str]:
    found = _FONT.findall(fonts)
    return {int(number): name.decode("ascii", "replace").strip() for number, name in found}


def _written(text: str) -> bytes:
    codes = (ord(sign) for sign in text)
    return b"{\\uc0%b}" % b"".join(b"\\u%d " % code for code in codes)


def _whole(halves: re.Match[str]) -> str:
    high, low = (ord(half) - _HALVES for half in halves[0])
    return chr(0x10000 + (high - _HIGH.start) * 0x400 + low - _LOW.start)


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
