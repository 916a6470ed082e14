"""Fetches what a server is made of, once, into `.servers`: Maven brings it, hashes check it."""

import fcntl
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from compose.local.errors import LocalError
from compose.local.layout import REPOSITORY

SERVERS = REPOSITORY / ".servers"
_MAVEN_S = 900.0


def install_once(name: str, pom: Path, lay_out: Callable[[Path], None]) -> Path:
    """The folder of server `name`; `lay_out` fills it whenever the pom is not that of last time.

    Another process that installs the same server is waited for.
    """
    home = SERVERS / name
    stamp = home / "installed"
    wanted = sha256(pom.read_bytes()).hexdigest()
    with _alone(SERVERS / f"{name}.lock"):
        if stamp.exists() and stamp.read_text() == wanted:
            return home
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        lay_out(home)
        stamp.write_text(wanted)
    return home


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    SERVERS.mkdir(parents=True, exist_ok=True)
    # Hundreds of megabytes that must never be added to the repository by accident.
    (SERVERS / ".gitignore").write_text("*\n")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def maven(pom: Path, *arguments: str) -> None:
    """Raises LocalError with the end of Maven's output."""
    executable = shutil.which("mvn")
    if executable is None:
        raise LocalError("Maven fetches the real servers: install `mvn` and a JDK")
    argv = [executable, "-B", "-q", "-f", str(pom), *arguments]
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_MAVEN_S
    )
    if done.returncode:
        raise LocalError(f"Maven failed on {pom}:\n{(done.stdout + done.stderr)[-3000:]}")


def require_hash(what: str, files: Iterable[Path], wanted: str) -> None:
    """Names and contents of all files, in order of name, as one SHA-256."""
    digest = sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + b"\0" + sha256(file.read_bytes()).digest())
    if digest.hexdigest() != wanted:
        raise LocalError(f"{what} is not what was pinned: its hash is {digest.hexdigest()}")
