"""The list on disk of processes we started, so that a later run finds what a killed one left."""

import json
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from compose.local.layout import write_private
from contracts.topology import SERVICES

# The order in which processes stop: the services drain while their stores still live.
STAGES = (SERVICES, ("bedrock",), ("aws", "postgres", "valkey", "opensearch", "neo4j"))
# A process id can be given to a stranger later: only the start time makes it ours.
_SAME_START_S = 1.0


@dataclass(frozen=True)
class Entry:
    """One process, leader of its own group; `stop_signal` asks it to end well."""

    name: str
    pid: int
    created: float
    stop_signal: int = signal.SIGTERM

    @classmethod
    def of(cls, name: str, pid: int, stop_signal: int = signal.SIGTERM) -> "Entry":
        return cls(name, pid, psutil.Process(pid).create_time(), stop_signal)

    def process(self) -> psutil.Process | None:
        """None when it has ended, or its id belongs to another process now."""
        with suppress(psutil.Error):
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < _SAME_START_S
            if same and found.status() != psutil.STATUS_ZOMBIE:
                return found
        return None


class ProcessList:
    """Entries by name, in order of start; each change is on disk when the call returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, Entry] = {}

    def add(self, entry: Entry) -> None:
        self._entries[entry.name] = entry
        self._save()

    def remove(self, name: str) -> None:
        self._entries.pop(name, None)
        self._save()

    def _save(self) -> None:
        write_private(
            self._path, json.dumps([asdict(entry) for entry in self._entries.values()], indent=1)
        )


def read_entries(path: Path) -> list[Entry]:
    if not path.exists():
        return []
    return [Entry(**fields) for fields in json.loads(path.read_text())]


def alive(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.process() is not None]


def end(entries: Iterable[Entry], grace_s: float = 10.0) -> list[str]:
    """Ends what still lives in the order of stages, asking before killing; returns the names."""
    living = alive(entries)
    for stage in STAGES:
        _end([entry for entry in living if entry.name in stage], grace_s)
    return [entry.name for entry in living]


def _end(entries: list[Entry], grace_s: float) -> None:
    processes = [process for entry in entries if (process := entry.process()) is not None]
    for entry in entries:
        with suppress(ProcessLookupError):
            os.kill(entry.pid, entry.stop_signal)
    psutil.wait_procs(processes, timeout=grace_s)
    for entry in entries:
        with suppress(ProcessLookupError, PermissionError):  # its own children, if any are left
            os.killpg(entry.pid, signal.SIGKILL)
