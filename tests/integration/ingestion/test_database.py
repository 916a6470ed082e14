"""PostgreSQL away, and back."""

import asyncio

import pytest

from services.ingestion.store.database import Database, open_database
from shared.errors import Unavailable


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    with pytest.raises(Unavailable, match="postgresql"):
        async with open_database("postgresql://postgres@127.0.0.1:1/none"):
            raise AssertionError("nobody listens there")


async def test_a_cut_connection_is_an_outage_once(database: Database) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    with pytest.raises(Unavailable, match="postgresql"):
        async with database.transaction() as transaction:
            await transaction.execute(cut)
    await database.ping()


async def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    async def start() -> None:
        async with open_database(database_url) as opened:
            await opened.ping()

    await asyncio.gather(*(start() for _ in range(4)))
