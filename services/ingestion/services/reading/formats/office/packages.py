"""ZIP archives with XML in them, as office programs and publishers write them."""

import io
import posixpath
import re
import zipfile

from lxml import etree

from services.ingestion.models.errors import Rejected

# Unpacked, a file may be so large; a ZIP bomb says that it is larger, or its reading ends here.
UNPACKED_MAX = 256 * 1024 * 1024
_ENCRYPTED = 0x1
# An OLE file where an archive should be: Office wraps what has a password in one.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LOCKED = "The file is protected by a password; send it without one."


def open_archive(body: bytes) -> zipfile.ZipFile:
    """Raises Rejected for one with a password and for one that is too large when unpacked."""
    if body.startswith(_OLE):
        raise Rejected("password", _LOCKED)
    archive = zipfile.ZipFile(io.BytesIO(body))
    members = archive.infolist()
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise Rejected("password", _LOCKED)
    if sum(member.file_size for member in members) > UNPACKED_MAX:
        words = f"Unpacked, the file is larger than {UNPACKED_MAX // 1024**2} MB; split it."
        raise Rejected("too_complex", words)
    return archive


def parsed_xml(body: bytes, *, recover: bool = True) -> etree._Element:
    """Entities are not expanded and nothing is fetched."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=True, recover=recover
    )
    root = etree.fromstring(body, parser)
    if root is None:
        raise ValueError("no XML")
    return root


def attribute(element: etree._Element, name: str) -> str:
    """Of whatever name space; empty when there is none."""
    return next((str(value) for key, value in element.items() if _local(key) == name), "")


def _local(key: str | bytes) -> str:
    return str(key).rpartition("}")[2]


def relations(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """By id: the kind and the path of what a part of an Office file refers to; "" is the file."""
    folder, name = posixpath.split(part)
    path = posixpath.join(folder, "_rels", f"{name}.rels")
    if path not in archive.namelist():
        return {}
    found = {}
    for one in parsed_xml(archive.read(path)):
        target = one.get("Target", "")
        if one.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            found[one.get("Id", "")] = one.get("Type", "").rpartition("/")[2], target
    return found


# What programs write as a title when nobody gave one.
_NO_TITLE = re.compile(
    r"(?i)\W*|\W*(anonymous|untitled|unknown|unbenannt|sans titre|none|null|title|document|slide"
    r"|presentation|powerpoint[- ]pr\w+|word document|workbook|dokument)\W*\d*\W*"
    r"|microsoft \w+ - .*|.*\.(docx?|pptx?|xlsx?|odt|rtf|pdf|tex|dvi|indd|qxd|html?|txt|md)"
)


def real_title(title: str | None) -> str:
    """Empty for what a program wrote when nobody gave a title."""
    words = " ".join((title or "").split())
    return "" if _NO_TITLE.fullmatch(words) else words


def told_title(archive: zipfile.ZipFile) -> str:
    """Of an Office or OpenDocument file, from its properties."""
    for name in ("docProps/core.xml", "meta.xml"):
        if name in archive.namelist():
            found = next(parsed_xml(archive.read(name)).iter("{*}title"), None)
            return real_title(found.text if found is not None else "")
    return ""
