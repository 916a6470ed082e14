"""Servers of PATH are preferred for new data; data that is there keeps the server that made it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from compose.local.errors import LocalError
from compose.local.layout import Layout
from compose.local.parts.part import Part
from compose.local.parts.postgres import postgres
from compose.local.parts.valkey import valkey
from compose.local.ports import free_ports
from compose.local.process_list import ProcessList
from compose.local.progress import Silent
from compose.local.supervised import Supervised

SERVERS = ("postgres", "valkey-server", "redis-server")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "state")
    made.prepare()
    return made


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH but for the system's tools; no server is in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "setpriv").symlink_to(shutil.which("setpriv") or "/usr/bin/setpriv")
    monkeypatch.setenv("PATH", str(folder))
    return folder


async def started(layout: Layout, part: Part) -> str:
    """The executable of a part that came up; it is stopped again."""
    supervised = Supervised(part, layout.logs, ProcessList(layout.processes), Silent())
    await supervised.start()
    await supervised.stop(asyncio.Event())
    return next(word for word in part.argv if Path(word).name in SERVERS)


async def start_postgres(layout: Layout) -> str:
    return await started(layout, await postgres(layout, free_ports(1)[0], "secret"))


async def start_valkey(layout: Layout) -> str:
    return await started(layout, valkey(layout, free_ports(1)[0], "secret"))


async def put_an_older_postgres_on_path(programs: Path, layout: Layout) -> str:
    """The oldest of the versions that the wheel carries."""
    newest = Path(await start_postgres(Layout(layout.root / "probe")))
    others = [path for path in newest.parents[2].glob("pginstall*/bin/postgres") if path != newest]
    (programs / "postgres").symlink_to(others[0])
    return str(others[0])


async def put_a_redis_on_path(programs: Path, layout: Layout) -> str:
    carried = await start_valkey(Layout(layout.root / "probe"))
    shutil.copy(carried, programs / "redis-server")
    return str(programs / "redis-server")


KINDS = ("postgres", "valkey")
START = {"postgres": start_postgres, "valkey": start_valkey}
PUT = {"postgres": put_an_older_postgres_on_path, "valkey": put_a_redis_on_path}


@pytest.mark.parametrize("kind", KINDS)
async def test_new_data_is_made_by_the_server_on_path_and_stays_with_it(
    layout: Layout, programs: Path, kind: str
) -> None:
    Layout(layout.root / "probe").prepare()
    on_path = await PUT[kind](programs, layout)
    assert await START[kind](layout) == on_path
    if kind == "postgres":
        (programs / "postgres").unlink()
    else:
        shutil.copy(on_path, programs / "valkey-server")  # would be the first choice
    assert await START[kind](layout) == on_path


@pytest.mark.parametrize("kind", KINDS)
async def test_data_of_the_wheels_server_stays_with_it(
    layout: Layout, programs: Path, kind: str
) -> None:
    Layout(layout.root / "probe").prepare()
    carried = await START[kind](layout)
    on_path = await PUT[kind](programs, layout)
    assert on_path != carried
    assert await START[kind](layout) == carried


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("postgres", "postgres", "postgres (PostgreSQL) 13.4"),
        ("valkey", "redis-server", "Redis server v=6.2.14 sha=0"),
    ],
)
async def test_an_old_server_on_path_is_passed_over(
    layout: Layout, programs: Path, kind: str, name: str, told: str
) -> None:
    old = programs / name
    old.write_text(f"#!/bin/sh\necho '{told}'\n")
    old.chmod(0o755)
    assert await START[kind](layout) != str(old)


async def test_data_whose_server_is_gone_is_named_with_the_way_out(
    layout: Layout, programs: Path
) -> None:
    data = layout.postgres / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(LocalError, match="was made by PostgreSQL 9, which is no longer") as caught:
        await postgres(layout, 1, "secret")
    assert str(layout.root) in str(caught.value)
