"""Makes a document's name out of whatever a client calls its file."""

import re
import unicodedata

from services.gateway.models.refusals import InvalidRequest

# The name is part of an S3 key, whose limit is 1,024 bytes.
_MAX_BYTES = 255
_EXTENSION_BYTES = 16


def safe_name(raw: str) -> str:
    """The last part of the path, in NFC, without control characters; the extension survives.

    Raises InvalidRequest when nothing is left.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", raw))[-1]
    printable = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in last
        if unicodedata.category(letter) not in ("Cf", "Cs", "Co", "Cn")
    )
    name = _shortened(" ".join(printable.split()))
    if not name.strip(". "):
        raise InvalidRequest("file", "The file needs a name, such as 'handbook.pdf'.")
    return name


def _shortened(name: str) -> str:
    if len(name.encode()) <= _MAX_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = f"{dot}{extension}" if stem and len(extension.encode()) <= _EXTENSION_BYTES else ""
    kept = (stem if tail else name).encode()[: _MAX_BYTES - len(tail.encode())]
    return kept.decode(errors="ignore").rstrip() + tail
