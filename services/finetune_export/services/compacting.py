"""Compacts closed days of the archive into the lake, which is made again whenever they change."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta

from services.finetune_export.models.archived_turn import ArchivedTurn
from services.finetune_export.models.audit import Act
from services.finetune_export.models.lake_turn import LakeTurn, part_key
from services.finetune_export.models.tombstones import Tombstone
from services.finetune_export.services.auditing import Auditing
from services.finetune_export.services.ports import DayArchive, LakeParts
from shared.errors import described
from shared.observability import metric
from shared.ports import Clock

logger = logging.getLogger(__name__)
_READ_AT_ONCE = 32
# By so much two clocks may differ when one closes a day and the other writes into it.
_SETTLING = timedelta(hours=1)


@dataclass(frozen=True)
class Compacted:
    """`new` is False when the lake held the same part already."""

    tenant: str
    day: date
    turns: int
    new: bool


@dataclass(frozen=True)
class Compacting:
    """All raise Unavailable. `as_parquet` makes a part's bytes, the same ones for the same turns.

    Whoever changes a closed day marks it and removes its parts then; a day that was marked
    meanwhile is compacted once more, and so is one of a tenant with a new tombstone. So no part
    holds what was erased.
    """

    archive: DayArchive
    lake: LakeParts
    as_parquet: Callable[[Sequence[LakeTurn]], bytes]
    audit: Auditing
    clock: Clock

    async def due(self) -> AsyncIterator[tuple[str, date]]:
        """Closed days (UTC) that the lake does not hold."""
        open_day = self._open_day()
        async for tenant in self.archive.tenants():
            held = await self.lake.days(tenant)
            days = [day async for day in self.archive.days(tenant)]
            for day in sorted(set(days) - held):
                if day < open_day:
                    yield tenant, day

    async def on(self, day: date) -> AsyncIterator[tuple[str, date]]:
        """The day, for each tenant that has turns then, whether the lake holds it or not.

        Raises ValueError for a day that has not ended.
        """
        if day >= self._open_day():
            raise ValueError(f"{day} has not ended for more than an hour (UTC). Compact it later.")
        async for tenant in self.archive.tenants():
            if day in [one async for one in self.archive.days(tenant)]:
                yield tenant, day

    def _open_day(self) -> date:
        return (self.clock.now().astimezone(UTC) - _SETTLING).date()

    async def compact_due(self) -> None:
        """What cannot be read holds back its own day alone."""
        async for tenant, day in self.due():
            try:
                await self.compact(tenant, day)
            except ValueError as error:
                fields = {"tenant": tenant, "day": day.isoformat(), "reason": described(error)}
                logger.exception("day_not_compacted", extra={"fields": fields})

    async def compact(self, tenant: str, day: date) -> Compacted:
        """Twice is once: the same turns are the same part."""
        while True:
            before = await self._state(tenant, day)
            turns = await self._turns(tenant, day)
            key = part_key(tenant, day, turns)
            held = await self.lake.parts(tenant, day)
            if turns and key not in held:
                await self.lake.write(key, self.as_parquet(turns))
            if await self._state(tenant, day) != before:
                await self.lake.remove(await self.lake.parts(tenant, day))
                continue
            await self.lake.remove([one for one in held if one != key or not turns])
            done = Compacted(tenant, day, len(turns), bool(turns) and key not in held)
            if done.new:
                await self.audit.note(_act(done, key))
            metric("TurnsCompacted", len(turns))
            return done

    async def _state(self, tenant: str, day: date) -> set[str]:
        return await self.lake.marks(tenant, day) | await self.archive.tombstones(tenant)

    async def _turns(self, tenant: str, day: date) -> list[LakeTurn]:
        """Sorted by user and turn, without what a tombstone covers."""
        tombstones = await self.archive.tombstones(tenant)
        gate = asyncio.Semaphore(_READ_AT_ONCE)

        async def one(key: str) -> LakeTurn | None:
            async with gate:
                turn = await self.archive.read(key)
                if turn is None or _covered(turn, tombstones):
                    return None
                feedback = await self.archive.feedback(turn)
            return LakeTurn.of(turn, feedback[-1] if feedback else None)

        keys = [key async for key in self.archive.of_day(tenant, day)]
        read = await asyncio.gather(*(one(key) for key in keys))
        found = [turn for turn in read if turn is not None]
        return sorted(found, key=lambda turn: (turn.user, turn.turn_id))


def _act(done: Compacted, key: str) -> Act:
    part = key.rsplit("/", 1)[1]
    ids = {"day": done.day.isoformat(), "part": part}
    counts = {"turns": done.turns}
    return Act(
        tenant=done.tenant, who=None, what="compacted", event_id=part, ids=ids, counts=counts
    )


def _covered(turn: ArchivedTurn, tombstones: Iterable[str]) -> bool:
    return any(Tombstone.covers(key, turn.user, turn.asked_at) for key in tombstones)
