"""ZIP archives of documents: a list of what they hold, and the documents as parts."""

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.decoding import decode
from services.ingestion.services.reading.markup import joined, tidied
from services.ingestion.services.reading.parts import (
    BYTES_MAX,
    COUNT_MAX,
    Parts,
    too_large,
    too_many,
)

_ENCRYPTED, _UTF8 = 0x1, 0x800
# No text packs so well; a member that says it does is there to fill the stores.
_RATIO_MAX = 500
_RATIO_BYTES = 4 * 1024 * 1024
# What systems leave in archives on their own.
_NO_FILES = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


def read_zip(body: bytes) -> Parsed:
    """Raises Rejected for a broken archive, and for one that holds too much."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        members = [one for one in archive.infolist() if not _is_no_file(one)]
        _check(members)
        parts = Parts()
        lines = [f"- {line}" for member in members for line in _read(archive, member, parts)]
    if not lines:
        raise Rejected("empty", "The archive holds no files.")
    found, note = parts.found()
    if not found and all(member.flag_bits & _ENCRYPTED for member in members):
        raise Rejected("password", "The archive is protected by a password; send it without one.")
    text = tidied(joined(["Files in this archive:", "\n".join(lines)]))
    return Parsed(text, markdown=True, parts=found, note=note)


def _is_no_file(member: zipfile.ZipInfo) -> bool:
    name = member.filename
    return member.is_dir() or name.startswith(_NO_FILES[0]) or name.endswith(_NO_FILES[1:])


def _check(members: list[zipfile.ZipInfo]) -> None:
    """By what the archive says of its members: more than that is never unpacked of any."""
    if len(members) > COUNT_MAX:
        raise too_many()
    if sum(member.file_size for member in members) > BYTES_MAX:
        raise too_large()
    for one in members:
        if one.file_size > max(_RATIO_BYTES, _RATIO_MAX * one.compress_size):
            words = "A file in the archive is packed more densely than any text; send it unpacked."
            raise Rejected("too_complex", words)


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, parts: Parts) -> Iterator[str]:
    name = _name(member)
    if member.flag_bits & _ENCRYPTED:
        yield parts.leave_out(name, "it is protected by a password")
        return
    try:
        body = archive.read(member)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError):
        yield parts.leave_out(name, "it is broken")
    except NotImplementedError:
        yield parts.leave_out(name, "it is packed in an unusual way")
    else:
        yield parts.add(name, "", body)


def _name(member: zipfile.ZipInfo) -> str:
    """Old programs write names in the code page of their system and do not say which."""
    if member.flag_bits & _UTF8:
        return member.filename
    try:
        return decode(member.orig_filename.encode("cp437"))
    except (UnicodeEncodeError, Rejected):
        return member.filename
