"""The connection pool to PostgreSQL, its outages as Unavailable, and the migrations at start."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, CursorResult, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from contracts.ingestion.life_cycle import LISTS
from shared.errors import Unavailable

POOL_SIZE = 8
POOL_WAIT_S = 5.0
# Any number, the same in every process: who holds it migrates, the others wait.
MIGRATION_LOCK = 7_204_310_811
# SQLSTATE classes: connection exception, insufficient resources, operator intervention.
_OUTAGES = ("08", "53", "57")
_STATES = {f"{{{name}}}": f"({', '.join(map(repr, listed))})" for name, listed in LISTS.items()}


@dataclass(frozen=True, slots=True)
class Transaction:
    """Runs statements, which name a list of states in braces: `{claimable}`.

    It goes in as SQL, since the planner uses a partial index for literals only.
    """

    connection: AsyncConnection

    async def execute(
        self, statement: str, values: Mapping[str, object] | None = None
    ) -> CursorResult[Any]:
        for name, states in _STATES.items():
            statement = statement.replace(name, states)
        return await self.connection.execute(text(statement), values)


class Database:
    """Transactions on one pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Committed at the end. Raises Unavailable when PostgreSQL cannot be reached."""
        with _outages():
            async with self._engine.begin() as connection:
                yield Transaction(connection)

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
async def open_database(url: str) -> AsyncIterator[Database]:
    """A migrated database; `url` is `postgresql://…`."""
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        # Parameters hold documents, and an error's words go into logs.
        hide_parameters=True,
        connect_args={"server_settings": {"application_name": "ingestion"}},
    )
    database = Database(engine)
    try:
        await database.migrate()
        yield database
    finally:
        await database.close()


def parameter(rows: Iterable[Mapping[str, object]]) -> str:
    """For `jsonb_to_recordset`: many rows in one parameter, so one plan serves every size."""
    return json.dumps([*rows], ensure_ascii=False)


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
