"""Valkey and PostgreSQL as our children: closed by a password, their data kept over a restart."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio as redis

from compose.local.layout import Layout
from compose.local.parts.part import Part
from compose.local.parts.postgres import postgres, postgres_url
from compose.local.parts.valkey import valkey, valkey_url
from compose.local.ports import free_ports
from compose.local.process_list import ProcessList
from compose.local.progress import Silent
from compose.local.supervised import Supervised


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "state")
    made.prepare()
    return made


@asynccontextmanager
async def running(layout: Layout, part: Part) -> AsyncIterator[None]:
    supervised = Supervised(part, layout.logs, ProcessList(layout.processes), Silent())
    await supervised.start()
    try:
        yield
    finally:
        await supervised.stop(asyncio.Event())


async def test_postgres_keeps_its_rows(layout: Layout) -> None:
    (port,) = free_ports(1)
    url = postgres_url(port, "secret")
    async with running(layout, await postgres(layout, port, "secret")):
        connection = await asyncpg.connect(url)
        await connection.execute("create table kept as select 7 as n")
        await connection.close()
    async with running(layout, await postgres(layout, port, "secret")):
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("select n from kept") == 7
        await connection.close()


async def test_postgres_wants_its_password(layout: Layout) -> None:
    (port,) = free_ports(1)
    async with running(layout, await postgres(layout, port, "secret")):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(postgres_url(port, "wrong"))


async def test_valkey_keeps_its_keys(layout: Layout) -> None:
    (port,) = free_ports(1)

    async def on_a_new_start(ask: Callable[["redis.Redis"], Awaitable[object]]) -> object:
        async with running(layout, valkey(layout, port, "secret")):
            client = redis.from_url(valkey_url(port, "secret"), decode_responses=True)
            try:
                return await ask(client)
            finally:
                await client.aclose()

    await on_a_new_start(lambda client: client.set("session", "turns"))
    assert await on_a_new_start(lambda client: client.get("session")) == "turns"


async def test_valkey_wants_its_password(layout: Layout) -> None:
    (port,) = free_ports(1)
    async with running(layout, valkey(layout, port, "secret")):
        client = redis.from_url(valkey_url(port, "wrong"))
        with pytest.raises(redis.AuthenticationError):
            await client.ping()
        await client.aclose()
