"""Mails as Markdown: who, when, what about, the text, and what is attached to it."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage, Message

import olefile

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.decoding import decode
from services.ingestion.services.reading.formats.html import declared_encoding, markdown_of
from services.ingestion.services.reading.formats.rtf.document import read_rtf
from services.ingestion.services.reading.markup import heading, joined, tidied
from services.ingestion.services.reading.parts import Parts

_HEADERS = ("From", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject")
_DATA = ("text/calendar", "text/x-amp-html")
# A smaller picture inside of the text is a logo or a sign, and holds no page.
_PICTURE_BYTES = 30_000
# Outlook's mails may hold mails; further in than this nobody looks.
_DEPTH_MAX = 5
# A line that ends in a blank goes on in the next one (RFC 3676), but "-- " begins a signature.
_FLOWED = re.compile(r"(?<!^--)(?<!\n--) \n(?![> \n])")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_HEADING = re.compile(r"(?m)^(#{1,6})(?=[ \t])|^[ \t]*(`{3,}|~{3,})")


def read_eml(body: bytes) -> Parsed:
    body = body.lstrip()
    end = found.start() if (found := _BLANK_LINE.search(body)) else len(body)
    head = body[:end]
    if not head.isascii():
        # Older programs write names in their own encoding, which a header must not.
        with suppress(Rejected):
            body = decode(head).encode() + body[end:]
    message = message_from_bytes(body, policy=policy.default)
    if not message.keys():
        raise Rejected("unreadable", "The file is no mail: it has no headers; export it anew.")
    return _parsed(_Mail(message))


def _parsed(mail: "_Mail | _Outlook") -> Parsed:
    """With what is attached as parts, which the text names."""
    title = dict(mail.headers()).get("Subject", "")
    text = tidied(joined(mail.blocks()))
    found, note = mail.parts.found()
    return Parsed(text, markdown=True, title=tidied(title), parts=found, note=note)


class _Mail:
    """A mail of RFC 5322."""

    def __init__(self, message: Message) -> None:
        self._message, self.parts = message, Parts()

    def headers(self) -> Iterator[tuple[str, str]]:
        for name in _HEADERS:
            for value in self._message.get_all(name, ()):
                text = str(value).encode("utf-8", "surrogateescape")
                yield name, " ".join(decode(text).split())

    def blocks(self) -> Iterator[str]:
        yield "\n".join(f"{name}: {value}" for name, value in self.headers())
        attached: list[str] = []
        yield from self._part(self._message, attached)
        yield "\n".join(attached)

    def _part(self, part: Message, attached: list[str]) -> Iterator[str]:
        kind = part.get_content_type()
        name = part.get_filename() or ""
        if kind == "multipart/alternative":
            forms = [*part.iter_parts()]  # type: ignore[attr-defined]
            # An invitation's data say the same as its text.
            texts = [one for one in forms if one.get_content_type() not in _DATA]
            yield self._fullest(texts or forms)
        elif part.is_multipart() and kind != "message/rfc822":
            for one in part.get_payload():
                yield from self._part(one, attached)  # type: ignore[arg-type]
        elif kind == "message/rfc822":
            attached += self._forwarded(part, name)
        elif not name and kind in ("text/plain", "text/html"):
            yield _text(part)
        elif name or part.get_content_disposition() == "attachment":
            raw = part.get_payload(decode=True)
            body = raw if isinstance(raw, bytes) else b""
            shown_inside = part["Content-ID"] or part.get_content_disposition() == "inline"
            if shown_inside and kind.startswith("image/") and len(body) < _PICTURE_BYTES:
                return
            attached.append(self.parts.attachment(name, kind, body))
        elif kind.startswith("text/") and kind not in ("text/css", "text/x-amp-html"):
            yield _text(part)

    def _fullest(self, parts: list[Message]) -> str:
        """Plain text, unless the same as a page says at least twice as much."""
        attached: list[str] = []
        forms = [joined(self._part(part, attached)) for part in parts]
        forms = [form for form in forms if form.strip()] or [""]
        longest = max(forms, key=len)
        text = forms[0] if len(longest) < 2 * len(forms[0]) else longest
        return joined([text, "\n".join(attached)])

    def _forwarded(self, part: Message, name: str) -> Iterator[str]:
        for one in part.get_payload():
            if isinstance(one, EmailMessage):
                subject = dict(_Mail(one).headers()).get("Subject", "")
                called = name or f"{subject.replace('/', ' ') or 'mail'}.eml"
                yield self.parts.attachment(called, "message/rfc822", one.as_bytes())


def _text(part: Message) -> str:
    raw = part.get_payload(decode=True)
    body = raw if isinstance(raw, bytes) else b""
    charset = part.get_content_charset()
    if part.get_content_type() == "text/html":
        return markdown_of(decode(body, charset or declared_encoding(body)))
    text = decode(body, charset).replace("\r\n", "\n")
    if str(part.get_param("format", "")).lower() == "flowed":
        text = _FLOWED.sub("" if part.get_param("delsp") == "yes" else " ", text)
    return tidied(text)


def _demoted(markdown: str) -> str:
    """Headings below that of the attachment; what stands in code is none."""
    fence = ""

    def deeper(found: re.Match[str]) -> str:
        nonlocal fence
        if marks := found[2]:
            fence = "" if fence and marks.startswith(fence) else fence or marks
            return found[0]
        return found[0] if fence else ("##" + found[1])[:6]

    return _HEADING.sub(deeper, markdown)


_PROPERTIES = "__properties_version1.0"
_OUTLOOK_HEADERS = {"From": "0C1A", "To": "0E04", "Cc": "0E03", "Bcc": "0E02", "Subject": "0037"}
_SENT = 0x00390040
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def read_msg(body: bytes) -> Parsed:
    """Outlook's own form: properties as streams of an OLE file (MS-OXMSG)."""
    with olefile.OleFileIO(body) as file:
        return _parsed(_Outlook(file, []))


class _Outlook:
    """A mail of MS-OXMSG; one that is attached to another lies in a folder of its file.

    Such a mail is no file of its own, so its text is a section of the outer one's.
    """

    def __init__(
        self, file: olefile.OleFileIO, folder: list[str], depth: int = 0, parts: Parts | None = None
    ) -> None:
        self._file, self._folder, self._depth = file, folder, depth
        self.parts = parts or Parts()

    def headers(self) -> Iterator[tuple[str, str]]:
        for name, code in _OUTLOOK_HEADERS.items():
            value = self._text(self._folder, code)
            if name == "From":
                address = self._text(self._folder, "5D01") or self._text(self._folder, "0C1F")
                if "@" in address and address != value:
                    value = f"{value} <{address}>".strip()
            if value:
                yield name, " ".join(value.split())
        if sent := self._sent():
            yield "Date", sent

    def blocks(self) -> Iterator[str]:
        yield "\n".join(f"{name}: {value}" for name, value in self.headers())
        text = self._text(self._folder, "1000")
        if not text.strip() and (page := self._bytes(self._folder, "10130102")):
            text = markdown_of(decode(page, declared_encoding(page)))
        if not text.strip() and (packed := self._bytes(self._folder, "10090102")):
            text = read_rtf(_unpacked(packed)).text
        yield text
        depth = len(self._folder)
        names = {
            path[depth]
            for path in self._file.listdir()
            if path[:depth] == self._folder and path[depth].startswith("__attach")
        }
        for name in sorted(names):
            yield from self._attached([*self._folder, name])

    def _attached(self, folder: list[str]) -> Iterator[str]:
        name = (
            self._text(folder, "3707") or self._text(folder, "3704") or self._text(folder, "3001")
        )
        inside = [*folder, "__substg1.0_3701000D"]
        if self._file.exists(inside):
            if self._depth < _DEPTH_MAX:
                yield heading(2, name or "Attached mail")
                mail = _Outlook(self._file, inside, self._depth + 1, self.parts)
                yield _demoted(joined(mail.blocks()))
            return
        kind = self._text(folder, "370E")
        if self._text(folder, "3712") and len(self._bytes(folder, "37010102")) < _PICTURE_BYTES:
            return
        yield self.parts.attachment(name, kind, self._bytes(folder, "37010102"))

    def _bytes(self, folder: list[str], code: str) -> bytes:
        path = [*folder, f"__substg1.0_{code}"]
        return bytes(self._file.openstream(path).read()) if self._file.exists(path) else b""

    def _text(self, folder: list[str], code: str) -> str:
        """As UTF-16, or in the code page of who wrote it."""
        wide = self._bytes(folder, f"{code}001F")
        text = wide.decode("utf-16-le", "replace") if wide else ""
        return (text or decode(self._bytes(folder, f"{code}001E"))).strip("\0 \r\n")

    def _sent(self) -> str:
        """Entries of 16 bytes after a head: type and number, flags, value."""
        path = [*self._folder, _PROPERTIES]
        raw = bytes(self._file.openstream(path).read()) if self._file.exists(path) else b""
        for at in range(24 if self._folder else 32, len(raw) - 15, 16):
            if int.from_bytes(raw[at : at + 4], "little") == _SENT:
                ticks = int.from_bytes(raw[at + 8 : at + 16], "little")
                return (_EPOCH + timedelta(microseconds=ticks // 10)).strftime("%Y-%m-%d %H:%M UTC")
        return ""


# What a packed text may refer to before its own beginning (MS-OXRTFCP 2.1.2.1).
_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_HEAD, _WINDOW, _UNPACKED_MAX = 16, 4096, 32 * 1024 * 1024


def _unpacked(packed: bytes) -> bytes:
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
