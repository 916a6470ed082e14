"""The audit log: lines chained by SHA-256 per writer, and a seal for each day. Ids, no contents."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from hashlib import sha256

from pydantic import BaseModel, ConfigDict

LINES_PREFIX = "lines/"
SEALS_PREFIX = "seals/"
# What the first line of a writer, and the first seal, follow.
NOTHING = "0" * 64
# In the place of a tenant: an act that is about all of them.
ALL = "-"


class Act(BaseModel):
    """What was done: `what` in a word, on which ids, how much. `event_id`: what asked for it.

    `who` is the name of a user; it reaches the log as a keyed hash alone. None: the platform.
    """

    model_config = ConfigDict(frozen=True)

    tenant: str
    who: str | None
    what: str
    event_id: str
    ids: dict[str, str] = {}
    counts: dict[str, int] = {}


class Line(BaseModel):
    """An act as it is written. `n` counts a writer's lines from 1; `previous` is a hash."""

    model_config = ConfigDict(frozen=True)

    writer: str
    n: int
    at: datetime
    tenant: str
    who: str | None
    what: str
    event_id: str
    ids: dict[str, str]
    counts: dict[str, int]
    previous: str

    @property
    def written(self) -> bytes:
        return self.model_dump_json().encode()


class Head(BaseModel):
    """How far a writer has come: its last line's number and hash."""

    model_config = ConfigDict(frozen=True)

    n: int = 0
    hash: str = NOTHING


class Seal(BaseModel):
    """What a day's lines were when it had ended, by writer; `previous` is the last seal's hash."""

    model_config = ConfigDict(frozen=True)

    day: date
    heads: dict[str, Head]
    previous: str

    @property
    def written(self) -> bytes:
        return self.model_dump_json().encode()

    @property
    def key(self) -> str:
        return f"{SEALS_PREFIX}{self.day.isoformat()}.json"


def hash_of(written: bytes) -> str:
    return sha256(written).hexdigest()


def segment_key(lines: Sequence[Line]) -> str:
    """Lines that one writer wrote at once. Keys sort by day, writer and number."""
    first = lines[0]
    day = first.at.astimezone(UTC).date().isoformat()
    return f"{LINES_PREFIX}{day}/{first.writer}/{first.n:010}.jsonl"


def day_of(key: str) -> date:
    """From a segment's or a seal's key."""
    return date.fromisoformat(key.split("/")[1].removesuffix(".json"))


def writer_of(key: str) -> str:
    return key.split("/")[2]
