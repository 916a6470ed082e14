"""A file in which a set is put in order: duplicates, sides, times. Memory stays flat."""

import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from services.finetune_export.models.example import Example
from services.finetune_export.models.export import Stage

# MinHash after Broder 1997, bands after Leskovec et al., Mining of Massive Datasets, 3.4: with 36
# bands of 7 rows a pair of Jaccard .8 is missed once in 5,000 times, one of .87 once in 700,000.
# Candidates are compared exactly.
_PERMUTATIONS, _ROWS = 252, 7
# Of character 5-grams of the question: one changed word in fifteen leaves about .8.
NEAR = 0.8
_SHINGLE = 5
HELD_OUT = 0.1
_TABLES = """
CREATE TABLE example (turn TEXT PRIMARY KEY, at TEXT, conversation TEXT, question TEXT, answer TEXT,
    body TEXT, side TEXT);
CREATE INDEX by_time ON example (at, turn);
CREATE TABLE kept (asked TEXT, answered TEXT, PRIMARY KEY (asked, answered)) WITHOUT ROWID;
CREATE TABLE question (asked TEXT PRIMARY KEY, text TEXT, side TEXT) WITHOUT ROWID;
CREATE TABLE band (hash INTEGER, asked TEXT, PRIMARY KEY (hash, asked)) WITHOUT ROWID;
CREATE TABLE conversation (id TEXT PRIMARY KEY, side TEXT) WITHOUT ROWID;
CREATE TABLE disliked (asked TEXT PRIMARY KEY, answer TEXT, at TEXT) WITHOUT ROWID;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
"""


class Workbench:
    """Examples go in as they come; `arrange` gives each a side, in the order of their times."""

    def __init__(self, database: sqlite3.Connection, seed: int) -> None:
        self._db, self._seed = database, seed
        self._minhash = import_module("rensa").RMinHash
        database.executescript(_TABLES)
        database.execute("BEGIN")  # never committed: the file is thrown away

    def put(self, example: Example) -> None:
        row = (
            *(example.turn_id, example.at.isoformat(), example.conversation_id),
            *(_digest(example.question), _digest(example.answer), example.model_dump_json()),
        )
        self._db.execute("INSERT OR REPLACE INTO example VALUES (?, ?, ?, ?, ?, ?, NULL)", row)

    def put_disliked(self, example: Example) -> None:
        """For pairs: its answer to its question from its passages was not liked."""
        row = (_asked_of(example), example.answer, f"{example.at.isoformat()}/{example.turn_id}")
        self._db.execute(
            "INSERT INTO disliked VALUES (?, ?, ?) ON CONFLICT (asked) DO UPDATE SET"
            " answer = excluded.answer, at = excluded.at WHERE excluded.at < disliked.at",
            row,
        )

    def paired(self, example: Example) -> Example:
        """With the disliked answer to the same question from the same passages, if there is one."""
        if example.rejected is not None:
            return example
        rows = self._db.execute(
            "SELECT answer FROM disliked WHERE asked = ?", (_asked_of(example),)
        )
        found = rows.fetchone()
        return example.model_copy(update={"rejected": found[0]}) if found else example

    def arrange(self, duplicates: Stage, split: Stage, progress: Callable[[], None]) -> None:
        """Earlier turns decide: what comes later joins their side or, between two sides, goes.

        So a set that grows never moves a turn from one side to the other.
        """
        rows = self._db.execute(
            "SELECT turn, conversation, question, answer, body FROM example ORDER BY at, turn"
        )
        for turn, conversation, asked, answered, body in _each(rows):
            progress()
            example = Example.model_validate_json(body)
            near, sides = self._near(asked, example.question)
            if not duplicates.take(self._duplicate(asked, answered, near)):
                continue
            sides |= self._sides("conversation", "id", conversation)
            if not split.take("between_sides" if len(sides) > 1 else None):
                continue
            side = sides.pop() if sides else self._drawn(turn)
            self._settle(turn, conversation, asked, answered, example.question, side)

    def examples(self, side: str) -> Iterator[Example]:
        rows = self._db.execute("SELECT body FROM example WHERE side = ? ORDER BY turn", (side,))
        return (Example.model_validate_json(body) for (body,) in _each(rows))

    def _drawn(self, turn: str) -> str:
        number = int(sha256(f"{self._seed}/{turn}".encode()).hexdigest()[:8], 16)
        return "held_out" if number < HELD_OUT * 16**8 else "train"

    def _sides(self, table: str, key: str, value: str) -> set[str]:
        rows = self._db.execute(f"SELECT side FROM {table} WHERE {key} = ?", (value,))
        return {side for (side,) in rows}

    def _duplicate(self, asked: str, answered: str, near: set[str]) -> str | None:
        """Exact: question and answer; near: the same answer to nearly the same question."""
        for question in {asked, *near}:
            found = self._db.execute(
                "SELECT 1 FROM kept WHERE asked = ? AND answered = ?", (question, answered)
            ).fetchone()
            if found:
                return "exact" if question == asked else "near"
        return None

    def _near(self, asked: str, question: str) -> tuple[set[str], set[str]]:
        """Earlier questions that are nearly this one, and their sides."""
        same = self._sides("question", "asked", asked)
        mine, near, sides = shingles(question), set[str](), set(same)
        marks = self._bands(mine)
        places = ",".join("?" * len(marks))
        rows = self._db.execute(
            f"SELECT DISTINCT q.asked, q.text, q.side FROM band b JOIN question q ON q.asked = "
            f"b.asked"
            f" WHERE b.hash IN ({places}) AND q.asked <> ?",
            (*marks, asked),
        )
        for other, text, side in rows:
            if jaccard(mine, shingles(text)) >= NEAR:
                near.add(other)
                sides.add(side)
        return near, sides

    def _bands(self, mine: set[str]) -> list[int]:
        minhash = self._minhash(num_perm=_PERMUTATIONS, seed=1)
        minhash.update(sorted(mine))
        digest = minhash.digest()
        return [
            int.from_bytes(sha256(f"{i}/{digest[i : i + _ROWS]}".encode()).digest()[:7], "big")
            for i in range(0, _PERMUTATIONS, _ROWS)
        ]

    def _settle(
        self, turn: str, conversation: str, asked: str, answered: str, text: str, side: str
    ) -> None:
        self._db.execute("UPDATE example SET side = ? WHERE turn = ?", (side, turn))
        self._db.execute("INSERT OR IGNORE INTO conversation VALUES (?, ?)", (conversation, side))
        self._db.execute("INSERT OR IGNORE INTO kept VALUES (?, ?)", (asked, answered))
        new = self._db.execute(
            "INSERT OR IGNORE INTO question VALUES (?, ?, ?)", (asked, text, side)
        )
        if new.rowcount:
            bands = [(mark, asked) for mark in self._bands(shingles(text))]
            self._db.executemany("INSERT OR IGNORE INTO band VALUES (?, ?)", bands)


@contextmanager
def opened_workbench(seed: int) -> Iterator[tuple[Workbench, Path]]:
    """With a folder for the set's files; both go with the block."""
    with TemporaryDirectory(prefix="ragops-export-") as folder:
        path = Path(folder)
        database = sqlite3.connect(
            path / "workbench.sqlite", check_same_thread=False, isolation_level=None
        )
        with closing(database):
            yield Workbench(database, seed), path


def _each(rows: sqlite3.Cursor) -> Iterator[tuple[str, ...]]:
    while some := rows.fetchmany(256):
        yield from some


def _asked_of(example: Example) -> str:
    return _digest(f"{example.question}\n{' '.join(sorted(example.passages))}")


def _digest(text: str) -> str:
    return sha256(normalised(text).encode()).hexdigest()[:32]


def normalised(text: str) -> str:
    return re.sub(r"\W+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()


def shingles(text: str) -> set[str]:
    """Character 5-grams of the normalised text."""
    plain = normalised(text)
    return {plain[i : i + _SHINGLE] for i in range(max(1, len(plain) - _SHINGLE + 1))}


def jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)
