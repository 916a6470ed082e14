"""Log files of the processes: bounded in size, their last lines at hand."""

import shutil
from pathlib import Path

MAX_BYTES = 16 * 1024 * 1024
_TAIL_BYTES = 16 * 1024


def rotate(log: Path, max_bytes: int = MAX_BYTES) -> None:
    """Copies to `.1` and empties in place: the process keeps appending to the file it has open."""
    if log.exists() and log.stat().st_size > max_bytes:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        with log.open("r+b") as file:
            file.truncate(0)


def tail(log: Path, start: int = 0, lines: int = 15) -> str:
    """The last lines after byte `start`, indented for showing under a message."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - _TAIL_BYTES))
        text = file.read().decode(errors="replace")
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
