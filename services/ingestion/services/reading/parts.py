"""Files inside of a file: which of them are documents, by what name, and which are not read."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from contracts.ingestion.document import normal_path
from contracts.ingestion.media_types import KNOWN, media_type_of
from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Part

COUNT_MAX = 1_000
BYTES_MAX = 128 * 1024 * 1024
# A note names so many of what was not read.
_NAMED_MAX = 10
_UNKNOWN = "its kind is not known"
_ENDINGS = {media_type: ending for ending, media_type in reversed([*KNOWN.items()])}


class Parts:
    """Gathers them. Names are made safe and different; folders are part of them."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._unread: list[tuple[str, str]] = []
        self._size = 0

    def add(self, path: str, kind: str, body: bytes) -> str:
        """Its line in the text of the file that holds it. Raises Rejected for too many.

        `kind` is a media type, for a name that tells none.
        """
        name = normal_path(path)
        media_type = media_type_of(name) or (kind if kind in _ENDINGS else None)
        if media_type is None:
            return self.leave_out(name or kind, _UNKNOWN)
        self._size += len(body)
        if len(self._parts) >= COUNT_MAX:
            raise too_many()
        if self._size > BYTES_MAX:
            raise too_large()
        name = self._free(name or f"part.{_ENDINGS[media_type]}")
        self._parts[name] = Part(name, media_type, body)
        return name

    def attachment(self, name: str, kind: str, body: bytes) -> str:
        """A line of a mail's text; empty for what has neither a name nor a known kind."""
        if not name and kind not in _ENDINGS:
            return ""
        return f"Attachment: {self.add(name, kind, body)}"

    def leave_out(self, path: str, why: str) -> str:
        """Its line in the text of the file that holds it."""
        name = normal_path(path) or "a file without a name"
        self._unread.append((name, why))
        return f"{name} (not read: {why})"

    def found(self) -> tuple[tuple[Part, ...], str]:
        """The parts, and a note of what was not read."""
        return tuple(self._parts.values()), _note(self._unread, len(self._parts))

    def _free(self, name: str) -> str:
        """Another name for what has the same as one before."""
        path, n = PurePosixPath(name), 1
        while name in self._parts:
            n += 1
            name = str(path.with_name(f"{path.stem} ({n}){path.suffix}"))
        return name


def too_many() -> Rejected:
    return Rejected("too_complex", f"The file holds more than {COUNT_MAX} files; split it.")


def too_large() -> Rejected:
    words = f"The files inside are larger than {BYTES_MAX // 1024**2} MB in all; split it."
    return Rejected("too_complex", words)


def _note(unread: Sequence[tuple[str, str]], parts: int) -> str:
    if not unread:
        return ""
    named = ", ".join(f"{name} ({why})" for name, why in unread[:_NAMED_MAX])
    more = f" and {len(unread) - _NAMED_MAX} more" if len(unread) > _NAMED_MAX else ""
    total = len(unread) + parts
    return f"{len(unread)} of {total} files inside were not read: {named}{more}."
