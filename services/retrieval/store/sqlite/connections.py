"""The threads that SQLite is used from: one that writes, a few that read."""

import asyncio
import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TypeVar

from services.retrieval.models.mapping import Mapping
from services.retrieval.store.sqlite import schema
from shared.errors import Unavailable

T = TypeVar("T")
DEPENDENCY = "search store"
READERS = 2


class InUse(Exception):
    """Another process serves this file: its vectors in memory would not see our writes."""


class Connections:
    """Opened blocking; `write` and `read` run a function of a connection in a thread of its own."""

    def __init__(self, path: Path, mapping: Mapping) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(_exclusive(path))
            self._writer = stack.enter_context(closing(schema.connect(path)))
            schema.prepare(self._writer, path, mapping)
            self._readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
            for _ in range(READERS):
                self._readers.put(stack.enter_context(closing(schema.connect(path))))
            self._writing = stack.enter_context(ThreadPoolExecutor(1, "sqlite-write"))
            self._reading = stack.enter_context(ThreadPoolExecutor(READERS, "sqlite-read"))
            self._opened = stack.pop_all()

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` runs alone, and begins and ends its own transactions."""
        return await self._run(self._writing, lambda: work(self._writer))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._run(self._reading, lambda: self._with_reader(work))

    async def close(self) -> None:
        """Returns when what was begun has ended."""
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
