"""Small processes for the tests of supervision."""

import sys
from pathlib import Path

from compose.local.parts.part import Part
from compose.local.process_list import ProcessList
from compose.local.progress import Silent
from compose.local.supervised import Supervised

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); "
STUBBORN += "time.sleep(600)"


def supervised(
    folder: Path, code: str, *, grace_s: float = 5.0, progress: Silent | None = None
) -> Supervised:
    """Ready when it has printed something since its start."""
    log = folder / "part.log"

    async def ready() -> bool:
        return log.exists() and b"up" in log.read_bytes()

    part = Part("part", (sys.executable, "-c", code), {}, "a line", ready, grace_s=grace_s)
    return Supervised(part, folder, ProcessList(folder / "processes.json"), progress or Silent())
