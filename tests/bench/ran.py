"""Runs a command to its end, and tells what it used.

Linux counts what the parent held at the fork as the child's own. So a small process is the parent.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """A command that has ended, its output, CPU seconds and the most memory in MB."""

    code: int
    out: str
    told: str
    cpu_s: float
    memory_mb: float


def ran(command: Sequence[str], environment: Mapping[str, str]) -> Ran:
    """Waits until it has ended; `told` is what it wrote to stderr."""
    with tempfile.NamedTemporaryFile() as used:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.ran", used.name, *command],
            env=environment,
            capture_output=True,
            text=True,
        )
        counted = json.loads(Path(used.name).read_text() or "{}")
    assert counted, f"the command did not start: {done.stderr}"
    return Ran(done.returncode, done.stdout, done.stderr, **counted)


def _run(report: str, *command: str) -> int:
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    counted = {"cpu_s": used.ru_utime + used.ru_stime, "memory_mb": used.ru_maxrss / 1024}
    Path(report).write_text(json.dumps(counted))
    return process.returncode


if __name__ == "__main__":
    sys.exit(_run(*sys.argv[1:]))
