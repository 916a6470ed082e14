"""PostgreSQL away, and back."""

import asyncio

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from services.ingestion.models.times import Times
from services.ingestion.store.database import Database, open_database
from services.ingestion.store.worklist import Worklist
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


async def test_a_version_in_work_goes_on_after_the_states_were_named_anew(
    database_url: str,
) -> None:
    """It was `processing` in earlier releases; a worker takes it over when its lease ends."""

    def to_the_third(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", "services.ingestion.store:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")

    engine = create_async_engine(database_url.replace("postgresql:", "postgresql+asyncpg:", 1))
    origin = '{"tenant": "acme", "message_id": "m", "correlation_id": "c"}'
    async with engine.begin() as connection:
        await connection.run_sync(to_the_third)
        await connection.execute(
            text("INSERT INTO documents (document_id, tenant, name) VALUES ('d', 'acme', 'a.txt')")
        )
        await connection.execute(
            text(
                "INSERT INTO versions (document_id, ordinal, tenant, status, due_at, claim, origin,"
                " description, text, media_type) VALUES ('d', 1, 'acme', 'processing', now(), 'c',"
                " CAST(:origin AS jsonb), '{}', 'Some text.', 'text/plain')"
            ),
            {"origin": origin},
        )
    await engine.dispose()
    async with open_database(database_url) as database:
        [claim] = await Worklist(database, Times()).claim(1)
    assert (claim.document_id, claim.text, claim.interruptions) == ("d", "Some text.", 1)
