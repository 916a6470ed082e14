"""Runs in the parser's process only: its limits, and words for what goes wrong there."""

import resource
import sys
import traceback
from pathlib import Path

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.readers import read

# More text than this is no document but a way to fill the stores.
TEXT_MAX = 64 * 1024 * 1024
# Calls within calls: a page of HTML nested a thousand times deep is read.
NESTED_MAX = 4000
# The code of the libraries, which the limit of data leaves out.
NOT_COUNTED_MB = 48


def limit_memory(megabytes: int) -> None:
    """Once, when the process starts: a file built to exhaust memory ends this process only.

    Counts what is allocated, not what is reserved as addresses; macOS does not keep it.
    """
    sys.setrecursionlimit(NESTED_MAX)
    if sys.platform == "linux":
        limit = (megabytes - NOT_COUNTED_MB) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def parse(body: bytes, media_type: str) -> Parsed:
    """As `Parser.parse`. Raises Rejected for a file that is broken, locked or too much to read.

    A library's own words are not passed on: they may quote the document.
    """
    try:
        parsed = read(body, media_type)
    except Rejected:
        raise
    except (MemoryError, RecursionError):
        raise Rejected("too_complex", "Reading the file takes too much memory; split it.") from None
    except Exception as error:  # noqa: BLE001 - a library may raise anything on a broken file
        words = "The file is broken, or not of the kind that its name says. Open it, save it anew"
        words = f"{words} and send that. If it opens well, report: {_place(error)}."
        raise Rejected("unreadable", words) from None
    if len(parsed.text) > TEXT_MAX:
        raise Rejected("too_complex", "The file holds more text than allowed; split it.")
    return parsed


def _place(error: Exception) -> str:
    """The error's type and the line of a reader that met it."""
    kind = type(error).__name__
    here = Path(__file__).parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if here in path.parents:
            return f"{kind}, {path.stem} {frame.lineno}"
    return kind
