"""The stand-in as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from compose.local.ports import free_ports

START_SECONDS = 60


def wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, f"the stand-in ended with {process.returncode}"
        try:
            with urlopen(f"{url}/healthz", timeout=5) as answer:
                assert answer.status == 200
                return
        except URLError:
            assert time.monotonic() < end, "the stand-in did not start in time"
            time.sleep(0.05)


@contextmanager
def served(state: Path, **environment: str) -> Iterator[str]:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "compose.local.bedrock", "--port", str(port)]
    process = subprocess.Popen([*command, "--state", str(state)], env={**os.environ, **environment})
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)
