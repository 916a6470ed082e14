"""A part run by hand or by a test, outside a whole system: started, awaited, ended."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from compose.local.environment import child_environment
from compose.local.errors import LocalError
from compose.local.logs import tail
from compose.local.parts.part import Part
from compose.local.process_list import Entry, end

Process: TypeAlias = "subprocess.Popen[bytes]"

_START_S = 240.0
_PROBE_S = 0.1


@contextmanager
def running(part: Part, log: Path) -> Iterator[None]:
    """Ready inside, ended outside; raises LocalError with the end of the log."""
    process = _ready(part, log)
    try:
        yield
    finally:
        end([_entry(part, process)], part.grace_s)
        process.wait()


def start(part: Part, log: Path) -> Entry:
    """Returns when the part is ready; it outlives this process, and its entry ends it."""
    return _entry(part, _ready(part, log))


def _ready(part: Part, log: Path) -> Process:
    process = _spawn(part, log)
    try:
        asyncio.run(_until_ready(part, process, log))
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def _entry(part: Part, process: Process) -> Entry:
    return Entry.of(part.name, process.pid, part.stop_signal)


def _spawn(part: Part, log: Path) -> Process:
    """In a session of its own: Ctrl-C in this terminal is not for it."""
    with log.open("wb") as output:
        return subprocess.Popen(
            part.argv,
            env=child_environment(part.env),
            cwd=part.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


async def _until_ready(part: Part, process: Process, log: Path) -> None:
    try:
        async with asyncio.timeout(_START_S):
            while not await part.ready():
                if process.poll() is not None:
                    raise LocalError(f"{part.name} ended with {process.returncode}:\n{tail(log)}")
                await asyncio.sleep(_PROBE_S)
    except TimeoutError:
        raise LocalError(f"{part.name} is not ready after {_START_S:.0f} s:\n{tail(log)}") from None
