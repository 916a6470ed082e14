"""The connection pool to PostgreSQL, its outages as Unavailable, and the migrations at start."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, CursorResult, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.errors import Unavailable

POOL_SIZE = 8
POOL_WAIT_S = 5.0
# Any number, the same in every process: who holds it migrates, the others wait.
MIGRATION_LOCK = 7_204_310_811
# SQLSTATE classes: connection exception, insufficient resources, operator intervention.
_OUTAGES = ("08", "53", "57")


@dataclass(frozen=True, slots=True)
class Transaction:
    """Runs statements. Each list of states goes in as SQL where a statement names it in braces.

    Literals and not parameters, since the planner uses a partial index for literals only.
    """

    connection: AsyncConnection
    lists: Mapping[str, str]

    async def execute(
        self, statement: str, values: Mapping[str, object] | None = None
    ) -> CursorResult[Any]:
        for name, states in self.lists.items():
            statement = statement.replace(f"{{{name}}}", states)
        return await self.connection.execute(text(statement), values)


class Database:
    """Transactions on one pool.

    `states` are the lists of a version's states by name: statements name `{claimable}` and mean
    `('accepted', 'processing')`.
    """

    def __init__(self, engine: AsyncEngine, states: Mapping[str, Sequence[str]]) -> None:
        self._engine = engine
        self._lists = {name: _as_sql(listed) for name, listed in states.items()}

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Committed at the end. Raises Unavailable when PostgreSQL cannot be reached."""
        with _outages():
            async with self._engine.begin() as connection:
                yield Transaction(connection, self._lists)

    async def migrate(self) -> None:
        """Brings the tables up to date; safe to run from many processes at once."""
        async with self.transaction() as transaction:
            await transaction.execute(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            await transaction.connection.run_sync(_upgrade)

    async def ping(self) -> None:
        """Raises Unavailable while PostgreSQL does not answer."""
        async with self.transaction() as transaction:
            await transaction.execute("SELECT 1")

    async def close(self) -> None:
        await self._engine.dispose()


@asynccontextmanager
async def open_database(url: str, states: Mapping[str, Sequence[str]]) -> AsyncIterator[Database]:
    """A migrated database; `url` is `postgresql://…`."""
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        connect_args={"server_settings": {"application_name": "ingestion"}},
    )
    database = Database(engine, states)
    try:
        await database.migrate()
        yield database
    finally:
        await database.close()


def parameter(rows: Iterable[Mapping[str, object]]) -> str:
    """For `jsonb_to_recordset`: many rows in one parameter, so one plan serves every size."""
    return json.dumps([*rows], ensure_ascii=False)


def _as_sql(states: Sequence[str]) -> str:
    return f"({', '.join(map(repr, states))})"


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "services.ingestion.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except (OSError, PoolTimeout) as error:
        raise Unavailable("postgresql", type(error).__name__) from error
    except DBAPIError as error:
        state = str(getattr(error.orig, "sqlstate", None) or "")
        if error.connection_invalidated or state.startswith(_OUTAGES):
            raise Unavailable("postgresql", type(error.orig).__name__) from error
        raise
