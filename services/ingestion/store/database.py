"""The connection pool to PostgreSQL, its outages as Unavailable, and the migrations."""

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, CursorResult, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from contracts.ingestion.life_cycle import LISTS
from shared.errors import CannotStart, Unavailable

POOL_SIZE = 8
POOL_WAIT_S = 5.0
# Any number, the same in every process: who holds it migrates, the others wait.
MIGRATION_LOCK = 7_204_310_811
# SQLSTATE classes: connection exception, a login that is refused (its password may be about to
# change), insufficient resources, operator intervention.
_OUTAGES = ("08", "28", "53", "57")
_STATES = {f"{{{name}}}": f"({', '.join(map(repr, listed))})" for name, listed in LISTS.items()}


@dataclass(frozen=True, slots=True)
class Address:
    """`url` is `postgresql://…`; a `password` that is a function is asked for each new connection.

    `tls` wants an encrypted connection to a server whose certificate one of the authorities in
    `ca_file` has signed, or one that the system trusts.
    """

    url: str = field(repr=False)
    password: str | Callable[[], Awaitable[str]] = field(default="", repr=False)
    tls: bool = False
    ca_file: Path | None = None

    def options(self) -> dict[str, Any]:
        """What asyncpg takes beside the URL."""
        options: dict[str, Any] = {"server_settings": {"application_name": "ingestion"}}
        if self.password:
            options["password"] = self.password
        if self.tls:
            options["ssl"] = ssl.create_default_context(cafile=self.ca_file)
        return options


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

    async def migrate(self) -> tuple[str | None, str | None]:
        """Brings the tables up to date; safe to run from many processes at once.

        The revision before and after. Tables of a newer release stay as they are.
        """
        async with self.transaction() as transaction:
            await transaction.execute(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            return await transaction.connection.run_sync(_upgrade)

    async def require_migrated(self) -> None:
        """Raises CannotStart when the tables are older than this release needs."""
        async with self.transaction() as transaction:
            found, head = await transaction.connection.run_sync(_revisions)
        if found != head:
            raise CannotStart(
                f"The tables in PostgreSQL are at revision {found or 'none'}, this release needs "
                f"{head}: run `python -m services.ingestion.migrate` with these settings, or let "
                "ingestion do it when it starts (RAGOPS_MIGRATE=true)."
            )

    async def ping(self) -> None:
        """Raises Unavailable while PostgreSQL does not answer."""
        async with self.transaction() as transaction:
            await transaction.execute("SELECT 1")

    async def close(self) -> None:
        await self._engine.dispose()


def url_of(host: str, port: int, user: str, name: str) -> str:
    return f"postgresql://{quote(user, safe='')}@{host}:{port}/{quote(name, safe='')}"


@asynccontextmanager
async def open_database(address: Address | str, *, migrate: bool = True) -> AsyncIterator[Database]:
    """A migrated database. Without `migrate`, raises CannotStart unless it is so already."""
    async with connected(address) as database:
        await (database.migrate() if migrate else database.require_migrated())
        yield database


@asynccontextmanager
async def connected(address: Address | str) -> AsyncIterator[Database]:
    """The database as it is; connects at the first statement."""
    if isinstance(address, str):
        address = Address(address)
    engine = create_async_engine(
        make_url(address.url).set(drivername="postgresql+asyncpg"),
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        # Parameters hold documents, and an error's words go into logs.
        hide_parameters=True,
        connect_args=address.options(),
    )
    database = Database(engine)
    try:
        yield database
    finally:
        await database.close()


def parameter(rows: Iterable[Mapping[str, object]]) -> str:
    """For `jsonb_to_recordset`: many rows in one parameter, so one plan serves every size."""
    return json.dumps([*rows], ensure_ascii=False)


def _upgrade(connection: Connection) -> tuple[str | None, str | None]:
    before, head = _revisions(connection)
    if before != head:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, head


def _revisions(connection: Connection) -> tuple[str | None, str | None]:
    """Of the tables, and this release's newest.

    The same where the tables are of a newer release: it was rolled out beside this one, and its
    migrations leave what this one needs.
    """
    scripts = ScriptDirectory.from_config(_config())
    head = scripts.get_current_head()
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    return (found, found) if found and found not in known else (found, head)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "services.ingestion.store:migrations")
    return config


@contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except (OSError, PoolTimeout) as error:
        raise Unavailable("postgresql", type(error).__name__) from error
    except DBAPIError as error:
        state = str(getattr(error.orig, "sqlstate", None) or "")
        if error.connection_invalidated or state.startswith(_OUTAGES):
            detail = f"{type(error.orig).__name__} {state}".strip()
            raise Unavailable("postgresql", detail) from error
        raise
