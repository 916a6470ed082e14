"""podman's Docker API: through it the AWS emulator's ECS starts real containers."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from compose.local.errors import LocalError
from compose.local.parts.part import Part

CONFIGURATION = Path(__file__).with_name("containers.conf")


def environment() -> Mapping[str, str]:
    return {"CONTAINERS_CONF": str(CONFIGURATION)}


def podman(socket: Path) -> Part:
    """Raises LocalError where there is no podman."""
    program = shutil.which("podman")
    if program is None:
        raise LocalError("There is no podman here. On Debian: apt-get install podman runc")
    argv = (program, "system", "service", "--time=0", f"unix://{socket}")

    async def listens() -> bool:
        return socket.exists()  # noqa: ASYNC240 (a look at a local file)

    return Part("podman", argv, environment(), "its Docker API", listens)


def run(*arguments: str) -> str:
    """A command of podman; what it writes. Raises LocalError with podman's own words."""
    done = subprocess.run(
        ["podman", *arguments],  # noqa: S607
        env={**os.environ, **environment()},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise LocalError(f"podman {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def remove_containers(label: str) -> None:
    """Those with this label, running or not."""
    if found := run("ps", "--all", "--quiet", "--filter", f"label={label}").split():
        run("rm", "--force", "--time", "0", *found)
