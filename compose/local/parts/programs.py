"""Which program serves a data folder: one on PATH for a new folder, its own for one that is there.

A server cannot read what another major version wrote, and it may be newer on PATH tomorrow: so the
folder remembers who made it.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_VERSION = re.compile(r"(?:PostgreSQL\) |v=)(\d+)")


@dataclass(frozen=True)
class Program:
    """A server's executable, and its major version."""

    executable: Path
    major: int


def program_at(executable: Path) -> Program | None:
    """None for what is not there, does not run or is no such server."""
    try:
        told = subprocess.run([executable, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return None
    found = _VERSION.search(told)
    return Program(executable, int(found[1])) if found else None


def on_path(name: str, at_least: int) -> Iterator[Program]:
    """The program called `name` on PATH if it is new enough, links followed; or nothing."""
    if found := shutil.which(name):
        program = program_at(Path(found).resolve())
        if program is not None and program.major >= at_least:
            yield program


def remembered(note: Path) -> Iterator[Program]:
    """The program that `remember` wrote down, if it is still there; or nothing."""
    if note.exists():
        program = program_at(Path(note.read_text()))
        if program is not None:
            yield program


def remember(note: Path, program: Program) -> None:
    note.write_text(str(program.executable))
