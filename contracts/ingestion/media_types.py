"""The kinds of files that the product can read, for the upload's check and for the parser."""

from collections.abc import Mapping
from pathlib import PurePosixPath

PLAIN_TEXT = "text/plain"
MARKDOWN = "text/markdown"
PNG, JPEG, TIFF = "image/png", "image/jpeg", "image/tiff"

# Extension (lower case, no dot) to media type; a kind stands here once a test parses a file of it.
KNOWN: Mapping[str, str] = {
    "csv": "text/csv",
    "docm": "application/vnd.ms-word.document.macroenabled.12",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "dotx": "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
    "eml": "message/rfc822",
    "epub": "application/epub+zip",
    "htm": "text/html",
    "html": "text/html",
    "ipynb": "application/x-ipynb+json",
    "jpeg": JPEG,
    "jpg": JPEG,
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "log": PLAIN_TEXT,
    "markdown": MARKDOWN,
    "md": MARKDOWN,
    "msg": "application/vnd.ms-outlook",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "png": PNG,
    "ppsx": "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
    "pptm": "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "rst": "text/prs.fallenstein.rst",
    "rtf": "application/rtf",
    "tif": TIFF,
    "tiff": TIFF,
    "tsv": "text/tab-separated-values",
    "txt": PLAIN_TEXT,
    "xhtml": "application/xhtml+xml",
    "xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xltx": "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
}


def media_type_of(name: str) -> str | None:
    """The media type by the name's extension; None for an unknown or missing extension."""
    return KNOWN.get(PurePosixPath(name).suffix.removeprefix(".").lower())
