"""SearchStore and Names in one SQLite file: FTS5 for words, exact vectors in memory, names."""

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TypeVar

from services.retrieval.models.document import Head, Removed, Version
from services.retrieval.models.embedding_space import EmbeddingSpace
from services.retrieval.models.filter import Scope
from services.retrieval.models.graph import Link, Place, Subject, Support
from services.retrieval.models.holding import Held, Page
from services.retrieval.models.passage import FoundPassage, IndexedPassage, Scored
from services.retrieval.store.sqlite import auditing, graph, reading, schema, writing
from services.retrieval.store.sqlite.vectors import Vectors
from shared.errors import Unavailable

T = TypeVar("T")
DEPENDENCY = "search store"
READERS = 2


class InUse(Exception):
    """Another process serves this file: its vectors in memory would not see our writes."""


class SqliteSearchStore:
    """The vectors in memory change in the writer's thread, after the commit they belong to."""

    def __init__(self, path: Path, connections: "Connections", vectors: Vectors) -> None:
        self._path, self._connections, self._vectors = path, connections, vectors

    async def ping(self) -> None:
        await self._connections.read(lambda connection: connection.execute("SELECT 1").fetchone())

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        def work(connection: sqlite3.Connection) -> int:
            with transaction(connection):
                tenant, rows = writing.add_version(connection, version, passages)
            self._vectors.add(tenant, rows)
            return writing.count_passages(connection, tenant, version)

        return await self._connections.write(work)

    async def promote(self, tenant: str, document_id: str, ordinal: int) -> bool:
        return await self._set_head(tenant, document_id, Head(ordinal, live=True))

    async def hide(self, tenant: str, document_id: str, ordinal: int) -> bool:
        return await self._set_head(tenant, document_id, Head(ordinal, live=False))

    async def heads(self, tenant: str, document_ids: Sequence[str]) -> dict[str, Head]:
        return await self._connections.read(lambda c: reading.heads(c, tenant, document_ids))

    async def purge(self, tenant: str, document_id: str) -> Removed:
        def work(connection: sqlite3.Connection) -> Removed:
            with transaction(connection):
                gone = writing.remove_outdated(connection, tenant, document_id)
            for version in gone.versions:
                self._vectors.remove(gone.tenant, version)
            return gone.removed

        return await self._connections.write(work)

    async def holdings(self, tenant: str, page: Page) -> list[Held]:
        return await self._connections.read(lambda c: auditing.holdings(c, tenant, page))

    async def strays(self, tenant: str, *, remove: bool) -> int:
        def work(connection: sqlite3.Connection) -> int:
            with transaction(connection):
                return auditing.strays(connection, tenant, remove)

        return await self._connections.write(work)

    async def drop(self, tenant: str, document_id: str, ordinal: int) -> None:
        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                gone = writing.remove_one(connection, tenant, document_id, ordinal)
            for version in gone.versions:
                self._vectors.remove(gone.tenant, version)

        await self._connections.write(work)

    async def remove_tenant(self, tenant: str) -> Removed:
        """A transaction for each version, so that other tenants' writes come in between."""
        removed = Removed()
        while True:
            number, versions = await self._connections.read(
                lambda c: writing.versions_of(c, tenant)
            )
            for version in versions:
                removed += await self._remove_version(number, version)
            if not number or await self._connections.write(partial(_forgotten, number)):
                return removed

    async def _remove_version(self, tenant: int, version: int) -> Removed:
        def work(connection: sqlite3.Connection) -> Removed:
            with transaction(connection):
                removed = writing.remove_version(connection, version)
            self._vectors.remove(tenant, version)
            return removed

        return await self._connections.write(work)

    async def bm25(self, scope: Scope, query: str, k: int) -> list[Scored]:
        return await self._connections.read(lambda c: reading.bm25(c, scope, query, k))

    async def dense(self, scope: Scope, vector: Sequence[float], k: int) -> list[Scored]:
        return await self._connections.read(
            lambda c: reading.dense(c, self._vectors, scope, vector, k)
        )

    async def passages(self, tenant: str, passage_ids: Sequence[str]) -> dict[str, FoundPassage]:
        return await self._connections.read(lambda c: reading.passages(c, tenant, passage_ids))

    async def passage(self, scope: Scope, passage_id: str) -> FoundPassage | None:
        return await self._connections.read(lambda c: reading.passage(c, scope, passage_id))

    async def audience(self, scope: Scope) -> set[str]:
        return await self._connections.read(lambda c: reading.audience(c, scope))

    async def links(self, scope: Scope, seeds: Sequence[str], max_owners: int) -> list[Link]:
        return await self._connections.read(lambda c: graph.links(c, scope, seeds, max_owners))

    async def owners(self, scope: Scope, names: Sequence[str], max_owners: int) -> list[Link]:
        return await self._connections.read(lambda c: graph.owners(c, scope, names, max_owners))

    async def places(self, scope: Scope, name: str, most: int) -> list[Place]:
        return await self._connections.read(lambda c: graph.places(c, scope, name, most))

    async def subjects(
        self, scope: Scope, passage_ids: Sequence[str], max_owners: int
    ) -> list[Subject]:
        return await self._connections.read(
            lambda c: graph.subjects(c, scope, passage_ids, max_owners)
        )

    async def supports(self, scope: Scope, beginnings: Sequence[str], most: int) -> list[Support]:
        return await self._connections.read(lambda c: graph.supports(c, scope, beginnings, most))

    async def serve(self) -> None:
        """Nothing to do: the settings name the file."""

    async def remove_others(self) -> list[str]:
        return await asyncio.to_thread(schema.remove_others, self._path)

    async def _set_head(self, tenant: str, document_id: str, wanted: Head) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            with transaction(connection):
                move = writing.set_head(connection, tenant, document_id, wanted)
            if move is None:
                return writing.head_is(connection, tenant, document_id, wanted)
            for version in move.hide:
                self._vectors.show(move.tenant, version, False)
            if move.show is not None:
                self._vectors.show(move.tenant, move.show, True)
            return True

        return await self._connections.write(work)


@asynccontextmanager
async def open_sqlite(
    folder: Path, space: EmbeddingSpace, *, successor: bool = False
) -> AsyncIterator[SqliteSearchStore]:
    """Opens the model's own file in `folder`; raises OtherEmbeddingSpace or InUse, with what to do.

    A `successor` may be a new file: it is filled while that of another model is served.
    """
    path = schema.file_for(folder, space)
    if not successor:
        schema.require_filled(path)
    connections = await asyncio.to_thread(Connections, path, space)
    try:
        vectors = Vectors(space.dimension)
        await connections.read(lambda connection: _load(connection, vectors))
        yield SqliteSearchStore(path, connections, vectors)
    finally:
        await connections.close()


def _forgotten(tenant: int, connection: sqlite3.Connection) -> bool:
    with transaction(connection):
        return writing.forget_tenant(connection, tenant)


def _load(connection: sqlite3.Connection, vectors: Vectors) -> None:
    for tenant, rows in reading.rows_by_tenant(connection):
        vectors.add(tenant, rows)


class Connections:
    """The threads that SQLite is used from: one writes, a few read.

    Opening blocks. `write` and `read` run a function of a connection in one of the threads.
    """

    def __init__(self, path: Path, space: EmbeddingSpace) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(_exclusive(path))
            self._writer = stack.enter_context(closing(schema.connect(path)))
            schema.prepare(self._writer, path, space)
            self._readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
            for _ in range(READERS):
                self._readers.put(stack.enter_context(closing(schema.connect(path))))
            self._writing = stack.enter_context(ThreadPoolExecutor(1, "sqlite-write"))
            self._reading = stack.enter_context(ThreadPoolExecutor(READERS, "sqlite-read"))
            self._opened = stack.pop_all()

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` runs alone; it begins and ends its own transactions."""
        return await self._run(self._writing, lambda: work(self._writer))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._run(self._reading, lambda: self._with_reader(work))

    async def close(self) -> None:
        """Returns when all work has ended."""
        await asyncio.to_thread(self._opened.close)

    def _with_reader(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._readers.get()
        try:
            return work(connection)
        finally:
            self._readers.put(connection)

    @staticmethod
    async def _run(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        except sqlite3.OperationalError as error:
            raise Unavailable(DEPENDENCY, str(error)) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _exclusive(path: Path) -> IO[bytes]:
    """A lock that dies with the process."""
    lock = path.with_suffix(".lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise InUse(f"another process uses {path}: stop it, or set another sqlite_path") from None
    return lock
