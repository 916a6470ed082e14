"""ministack as a process of its own, empty and without Docker."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PYTHON = Path(__file__).parents[2] / ".venv-emulator" / "bin" / "python"
_START_S = 60.0


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """Its URL. `folder` is for its scratch files."""
    # It gets the open socket: nobody else can take the port before it listens.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield from _served(folder, listener)


def _served(folder: Path, listener: socket.socket) -> Iterator[str]:
    port, descriptor = listener.getsockname()[1], listener.fileno()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(folder),
        "LOG_LEVEL": "WARNING",
        "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
    }
    command = [str(_PYTHON), "-m", "uvicorn", "ministack.app:app", "--fd", str(descriptor)]
    with (folder / "ministack.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--log-level", "warning"],
            env=environment,
            stdout=log,
            stderr=log,
            pass_fds=[descriptor],
        )
    try:
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "ministack ended at its start"
        try:
            urllib.request.urlopen(f"{url}/_ministack/health", timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
            continue
        return
    raise AssertionError("ministack does not answer")
