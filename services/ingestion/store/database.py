"""The connection pool to PostgreSQL, its outages as Unavailable, and the migrations at start."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
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


class Database:
    """Transactions on one pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Committed at the end. Raises Unavailable when PostgreSQL cannot be reached."""
        with _outages():
            async with self._engine.begin() as connection:
                yield connection

    async def migrate(self) -> None:
        """Brings the tables up to date; safe to run from many processes at once."""
        async with self.transaction() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            await connection.run_sync(_upgrade)

    async def ping(self) -> None:
        """Raises Unavailable while PostgreSQL does not answer."""
        async with self.transaction() as connection:
            await connection.execute(text("SELECT 1"))

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
        connect_args={"server_settings": {"application_name": "ingestion"}},
    )
    database = Database(engine)
    try:
        await database.migrate()
        yield database
    finally:
        await database.close()


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
