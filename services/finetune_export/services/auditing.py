"""The audit log: acts are noted, days are sealed, and the whole is verified."""

import hmac
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from hashlib import sha256

from pydantic import ValidationError

from services.finetune_export.models.audit import (
    NOTHING,
    Act,
    Head,
    Line,
    Seal,
    day_of,
    hash_of,
    segment_key,
    writer_of,
)
from services.finetune_export.services.ports import AuditLog
from shared.errors import Unavailable
from shared.grouping import Grouping
from shared.observability import metric
from shared.ports import Clock

logger = logging.getLogger(__name__)
# By so much two clocks may differ when one seals a day and the other writes into it.
SETTLING = timedelta(hours=1)


class Auditing:
    """One a process: `writer` is its own name. `key` hides who acted.

    Acts that come while others are written share an object. Lines follow each other in one chain,
    so one object is written at a time.
    """

    def __init__(self, log: AuditLog, clock: Clock, writer: str, key: bytes) -> None:
        self._log, self._clock, self._writer, self._key = log, clock, writer, key
        self._head = Head()
        # Of a write that failed: nobody knows whether it is there.
        self._doubtful: str | None = None
        self._gathering = Grouping(self._write, at_once=1)

    async def note(self, act: Act) -> None:
        """Returns when it is written. Raises Unavailable; then the act may be noted twice."""
        await self._gathering.add(act)

    async def _write(self, acts: Sequence[Act]) -> list[None]:
        if self._doubtful is not None:
            written = (await self._log.read(self._doubtful)).splitlines()
            if written:
                self._head = Head(n=self._head.n + len(written), hash=hash_of(written[-1]))
        lines, head = self._lines(acts)
        self._doubtful = segment_key(lines)
        body = b"".join(line.written + b"\n" for line in lines)
        if not await self._log.write(self._doubtful, body):
            raise Unavailable("audit log", "an earlier write came late: it is to be tried again")
        self._head, self._doubtful = head, None
        return [None] * len(acts)

    def _lines(self, acts: Sequence[Act]) -> tuple[list[Line], Head]:
        head, lines, now = self._head, [], self._clock.now()
        for act in acts:
            line = Line(
                writer=self._writer,
                n=head.n + 1,
                at=now,
                previous=head.hash,
                **act.model_dump() | {"who": self._hidden(act)},
            )
            lines.append(line)
            head = Head(n=line.n, hash=hash_of(line.written))
        return lines, head

    def _hidden(self, act: Act) -> str | None:
        if act.who is None:
            return None
        return hmac.new(self._key, f"{act.tenant}/{act.who}".encode(), sha256).hexdigest()


@dataclass
class Chain:
    """A writer's lines, followed one by one. `faults` say what does not fit."""

    writer: str
    head: Head = field(default_factory=Head)
    faults: list[str] = field(default_factory=list)

    def follow(self, key: str, body: bytes) -> None:
        for written in body.splitlines():
            try:
                line = Line.model_validate_json(written)
            except ValidationError:
                self.faults.append(f"{key}: a line cannot be read")
                continue
            if line.writer != self.writer or line.n != self.head.n + 1:
                self.faults.append(f"{key}: line {self.head.n + 1} is missing or out of order")
            if line.previous != self.head.hash:
                self.faults.append(f"{key}: the line before line {line.n} was changed or removed")
            self.head = Head(n=line.n, hash=hash_of(written))


@dataclass(frozen=True)
class Sealing:
    """Seals the days that have ended. Raises Unavailable."""

    log: AuditLog
    clock: Clock

    async def seal(self) -> int:
        """How many days. Whoever comes second finds the seal there."""
        today = (self.clock.now().astimezone(UTC) - SETTLING).date()
        sealed, previous = set(), NOTHING
        async for key in self.log.seals():
            sealed.add(day_of(key))
            previous = hash_of(await self.log.read(key))
        count = 0
        for day in sorted(set(await self.log.days()) - sealed):
            if day >= today or (sealed and day < max(sealed)):
                continue
            heads = {chain.writer: chain.head async for chain in _chains(self.log, day)}
            seal = Seal(day=day, heads=heads, previous=previous)
            count += await self.log.write(seal.key, seal.written)
            previous = hash_of(await self.log.read(seal.key))
        metric("AuditDaysSealed", count)
        return count


@dataclass(frozen=True)
class Verified:
    """`unsealed` lines are of days that have not ended: their last ones could still be cut off."""

    lines: int
    writers: int
    seals: int
    unsealed: int
    faults: list[str]


@dataclass(frozen=True)
class Verifying:
    log: AuditLog

    async def verify(self) -> Verified:
        """Walks every line and seal. Raises Unavailable."""
        seals, faults = await self._seals()
        chains: dict[str, Chain] = {}
        heads: dict[date, dict[str, Head]] = {}
        async for key in self.log.segments():
            chain = chains.setdefault(writer_of(key), Chain(writer_of(key)))
            chain.follow(key, await self.log.read(key))
            heads.setdefault(day_of(key), {})[chain.writer] = chain.head
        for day, seal in seals.items():
            if seal.heads != heads.get(day, {}):
                faults.append(f"{seal.key}: the lines of {day} are not those that were sealed")
        faults += [fault for chain in chains.values() for fault in chain.faults]
        lines = sum(chain.head.n for chain in chains.values())
        sealed: dict[str, int] = {}
        for seal in seals.values():
            for writer, head in seal.heads.items():
                sealed[writer] = max(head.n, sealed.get(writer, 0))
        unsealed = lines - sum(sealed.values())
        return Verified(lines, len(chains), len(seals), max(0, unsealed), faults)

    async def _seals(self) -> tuple[dict[date, Seal], list[str]]:
        seals: dict[date, Seal] = {}
        faults, previous = [], NOTHING
        async for key in self.log.seals():
            written = await self.log.read(key)
            try:
                seal = Seal.model_validate_json(written)
            except ValidationError:
                faults.append(f"{key}: the seal cannot be read")
                continue
            if seal.previous != previous:
                faults.append(f"{key}: the seal before it was changed or removed")
            seals[seal.day], previous = seal, hash_of(written)
        return seals, faults


async def _chains(log: AuditLog, day: date) -> AsyncIterator[Chain]:
    """The writers of a day, each at the end of its lines of that day."""
    chain: Chain | None = None
    async for key in log.segments(day):
        if chain is None or chain.writer != writer_of(key):
            if chain is not None:
                yield chain
            chain = Chain(writer_of(key))
        chain.follow(key, await log.read(key))
    if chain is not None:
        yield chain
