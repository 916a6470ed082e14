"""A bounded file of records: the newest overwrite the oldest, a record in use moves up."""

import os
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path

Key = bytes

TABLES = """
create table if not exists records(key blob primary key, start integer, size integer);
create index if not exists by_start on records(start);
create table if not exists facts(name text primary key, value blob);
"""


class Ring:
    """Records in one file of at most `most_bytes`, their places in SQLite beside it.

    Read with pread: mapped pages would count as this process's memory. Places that will be
    overwritten leave the index, committed, before the bytes change: after a crash the index
    names no record that is not there. Raises RuntimeError when another process has the folder.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._index = _open_index(folder / "tokens.sqlite")
        self._file = os.open(folder / "tokens.ring", os.O_RDWR | os.O_CREAT, 0o600)
        self._shrink()
        query = "select key, start, size from records"
        self._places: dict[Key, tuple[int, int]] = {k: (s, n) for k, s, n in self._rows(query)}
        self._head = min(int(self.fact("head") or b"0"), most_bytes)

    def __contains__(self, key: Key) -> bool:
        return key in self._places

    def read(self, keys: Iterable[Key]) -> dict[Key, bytes]:
        """The records that are here."""
        with self._lock:
            found = {k: self._places[k] for k in keys if k in self._places}
            data = {k: os.pread(self._file, size, start) for k, (start, size) in found.items()}
        return {k: data[k] for k, (_, size) in found.items() if len(data[k]) == size}

    def write(self, records: dict[Key, bytes], facts: dict[str, bytes]) -> None:
        """Add new records and set facts, in one commit. Larger than the ring: left out."""
        with self._lock:
            placed, head = self._place(records)
            self._evict(placed)
            for key, (start, _) in placed.items():
                os.pwrite(self._file, records[key], start)
            rows = [(k, s, n) for k, (s, n) in placed.items()]
            with self._index:
                self._index.executemany("insert or replace into records values (?, ?, ?)", rows)
                for name, value in {**facts, "head": str(head).encode()}.items():
                    self._index.execute("insert or replace into facts values (?, ?)", (name, value))
            self._places.update(placed)
            self._head = head

    def soon_overwritten(self, key: Key) -> bool:
        """Whether the record lies in the half that is written next: write it again to keep it."""
        place = self._places.get(key)
        return place is not None and (place[0] - self._head) % self._most_bytes < (
            self._most_bytes // 2
        )

    def fact(self, name: str) -> bytes | None:
        """A value written with the records."""
        rows = self._rows("select value from facts where name = ?", name)
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Close both files."""
        with self._lock:
            self._index.close()
            os.close(self._file)

    def _shrink(self) -> None:
        """Keep the promised size when the ring was larger the last time."""
        with self._index:
            self._index.execute("delete from records where start + size > ?", (self._most_bytes,))
        if os.fstat(self._file).st_size > self._most_bytes:
            os.ftruncate(self._file, self._most_bytes)

    def _rows(self, query: str, *values: str) -> list[tuple[bytes, int, int]]:
        return self._index.execute(query, values).fetchall()

    def _place(self, records: dict[Key, bytes]) -> tuple[dict[Key, tuple[int, int]], int]:
        """Where each record goes, and the new head. What would overwrite this write is left out."""
        placed: dict[Key, tuple[int, int]] = {}
        head, end = self._head, self._most_bytes
        for key, data in records.items():
            if head + len(data) > end and end == self._most_bytes and len(data) <= end:
                end = next((start for start, _ in placed.values()), self._most_bytes)
                head = 0
            if head + len(data) <= end:
                placed[key] = (head, len(data))
                head += len(data)
        return placed, head

    def _evict(self, placed: dict[Key, tuple[int, int]]) -> None:
        gone: list[tuple[Key]] = [(key,) for key in placed if key in self._places]
        longest = max((size for _, size in self._places.values()), default=0)
        for start, end in _spans(placed.values()):
            # A record that reaches into the span starts no further before it than the longest.
            query = "select key from records where start > ? and start < ? and start + size > ?"
            gone += self._index.execute(query, (start - longest, end, start)).fetchall()
        with self._index:
            self._index.executemany("delete from records where key = ?", gone)
        for (key,) in gone:
            self._places.pop(key, None)


def _spans(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring places joined: two spans at most, before and after the ring's end."""
    spans: list[tuple[int, int]] = []
    for start, size in places:
        if spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], start + size)
        else:
            spans.append((start, start + size))
    return spans


def _open_index(path: Path) -> sqlite3.Connection:
    index = sqlite3.connect(path, timeout=0.1, check_same_thread=False)
    try:
        # Exclusive from the first write on: two processes would overwrite each other's records.
        index.execute("pragma locking_mode = exclusive")
        index.execute("pragma journal_mode = wal")
        index.execute("pragma synchronous = off")
        index.executescript(TABLES)
    except sqlite3.OperationalError as error:
        index.close()
        raise RuntimeError(f"{path.parent} is in use by another stand-in: {error}") from error
    return index
