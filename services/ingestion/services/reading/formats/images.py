"""Pictures of text: how many pages a file has. An OCR program reads them (ocr.py)."""

import struct

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed

_PAGES_MAX = 10_000
_BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")


def read_image(body: bytes) -> Parsed:
    """All of its pages are still to be recognised. Raises Rejected for another kind of file."""
    if not body.startswith(_BEGINNINGS):
        raise Rejected("unreadable", "The file is broken, or no picture of the kind it is named.")
    pages = _tiff_pages(body) if body[:2] in (b"II", b"MM") else 1
    return Parsed("", markdown=False, scanned=tuple(range(1, pages + 1)))


def _tiff_pages(body: bytes) -> int:
    """Directories of a TIFF file lead from one to the next; each describes a page."""
    order = "<" if body.startswith(b"II") else ">"
    pages, seen = 0, set()
    (at,) = struct.unpack_from(f"{order}I", body, 4)
    while at and at not in seen and pages < _PAGES_MAX:
        seen.add(at)
        (tags,) = struct.unpack_from(f"{order}H", body, at)
        (at,) = struct.unpack_from(f"{order}I", body, at + 2 + 12 * tags)
        pages += 1
    return max(pages, 1)
