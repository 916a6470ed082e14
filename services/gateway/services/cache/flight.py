"""One computation for many askers: its leader tells what it makes, the others follow it."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass

from services.gateway.models.shared_answer import (
    Begun,
    Ended,
    Lost,
    Piece,
    Pieces,
    Place,
    Said,
    Worded,
)
from services.gateway.models.turn_events import (
    CitationsChecked,
    Emit,
    SourcesFound,
    TextAdded,
    TurnEvent,
    TurnStarted,
    UsageSummed,
)
from services.gateway.services.ports import SharedAnswers
from shared.errors import Unavailable

logger = logging.getLogger(__name__)
# How often a follower looks whether its leader still works.
_LOOK_S = 1.0
# A call may be lost on the way; so many in a row mean that the store is away.
_MISSES = 3


@dataclass(frozen=True)
class Times:
    """An answer is kept for `max_age_s`; a leader renews its lease of `lease_s` in good time.

    Followers get the text in steps of `gather_s`.
    """

    max_age_s: float
    lease_s: float
    gather_s: float


class Flight:
    """A leader's side. Its turn goes on as any other; `run` tells the followers beside it.

    Only names in `audience` are searched for, so that whoever has the same ones may see what is
    found. With `worded` the answer is kept for other wordings too.
    """

    def __init__(
        self,
        store: SharedAnswers,
        place: Place,
        turn_id: str,
        audience: tuple[str, ...],
        times: Times,
    ) -> None:
        self.audience, self.place = audience, place
        self._store, self._turn_id, self._times = store, turn_id, times
        self.worded: Worded | None = None
        self._pending: list[Piece] = []
        self._filled, self._over = asyncio.Event(), asyncio.Event()
        self._started: TurnStarted | None = None
        self._begun: Begun | None = None
        self._texts: list[str] = []
        self._cited: tuple[int, ...] = ()
        self._kept: tuple[Piece, ...] = ()

    def heard(self, emit: Emit) -> Emit:
        """Tells the followers what is emitted to the leader's own client."""

        def both(event: TurnEvent) -> None:
            emit(event)
            if not self._over.is_set():
                self._hear(event)

        return both

    def withdraw(self) -> None:
        """The answer will not come, or is not for others: followers do without it from here on."""
        if not self._over.is_set():
            self._pending = [Lost()]
            self._finish()

    async def give(self, pieces: Pieces) -> None:
        """The answer is there already, under another wording: followers get it too."""
        self._over.set()
        try:
            await self._store.land(self.place, self._turn_id, pieces, (), self._times.max_age_s)
        except Unavailable:
            logger.warning("answer_not_shared")

    async def followed(self) -> bool:
        try:
            return await self._store.followed(self.place.tenant, self._turn_id)
        except Unavailable:
            return False

    async def run(self) -> None:
        """Ends when the answer has, or is withdrawn. Without its store nobody follows any more."""
        try:
            await self._tell()
            last = tuple(self._pending)
            age_s, worded = self._times.max_age_s, self.worded
            await self._store.land(self.place, self._turn_id, last, self._kept, age_s, worded)
        except Unavailable:
            logger.warning("answer_not_shared")

    async def _tell(self) -> None:
        every_s = self._times.lease_s / 3
        renew_at = time.monotonic() + every_s
        while not self._over.is_set():
            await _wait(self._filled, renew_at - time.monotonic())
            if self._pending and not self._over.is_set():
                pieces, self._pending = tuple(self._pending), []
                self._filled.clear()
                await self._store.add(self.place.tenant, self._turn_id, pieces)
                await _wait(self._over, self._times.gather_s)
            if time.monotonic() >= renew_at:
                renew_at = time.monotonic() + every_s
                await self._store.renew(self.place, self._turn_id)

    def _hear(self, event: TurnEvent) -> None:
        match event:
            case TurnStarted():
                self._started = event
            case SourcesFound():
                self._put(self._beginning(event))
            case TextAdded():
                self._texts.append(event.text)
                self._put(Said(text=event.text))
            case CitationsChecked():
                self._cited = tuple(source.n for source in event.cited)
            case UsageSummed():
                self._land(event)

    def _beginning(self, event: SourcesFound) -> Begun:
        started = self._started
        assert started is not None
        self._begun = Begun(
            turn_id=self._turn_id,
            query=started.query,
            degraded=started.degraded,
            model=started.model,
            sources=event.sources,
        )
        return self._begun

    def _land(self, summed: UsageSummed) -> None:
        """An answer that names no source, or lacks a part, is given to those who wait, not kept."""
        text = "".join(self._texts)
        ended = Ended(
            model=summed.model,
            cited=self._cited,
            length=len(text),
            stop_reason=summed.stop_reason,
        )
        whole = summed.stop_reason is None and self._begun and not self._begun.degraded
        if self._begun is not None and whole and self._cited:
            self._kept = (self._begun, Said(text=text), ended)
        self._put(ended)
        self._finish()

    def _put(self, piece: Piece) -> None:
        self._pending.append(piece)
        self._filled.set()

    def _finish(self) -> None:
        self._over.set()
        self._filled.set()


class Following:
    """The followers' side: what a leader tells is read once for all followers in this process."""

    def __init__(self, store: SharedAnswers) -> None:
        self._store = store
        self._tails: dict[str, _Tail] = {}

    async def follow(self, tenant: str, leader: str) -> AsyncGenerator[Piece, None]:
        """The leader's pieces as they come; ends when it has, or gives no sign of life any more."""
        tail = self._tails.get(leader)
        if tail is None:
            tail = self._tails[leader] = _Tail(_told(self._store, tenant, leader))
        tail.followers += 1
        try:
            async for piece in tail.pieces():
                yield piece
        finally:
            tail.followers -= 1
            if not tail.followers:
                tail.reading.cancel()
                self._tails.pop(leader, None)


class _Tail:
    def __init__(self, told: AsyncGenerator[Piece, None]) -> None:
        self.followers = 0
        self._pieces: list[Piece] = []
        self._over, self._changed = False, asyncio.Event()
        self.reading = asyncio.create_task(self._read(told))

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        at = 0
        while True:
            over, changed = self._over, self._changed
            while at < len(self._pieces):
                yield self._pieces[at]
                at += 1
            if over:
                return
            await changed.wait()

    async def _read(self, told: AsyncGenerator[Piece, None]) -> None:
        try:
            async with aclosing(told):
                async for piece in told:
                    self._pieces.append(piece)
                    self._wake()
        except Unavailable:
            logger.warning("leader_not_heard")
        finally:
            self._over = True
            self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


async def _told(store: SharedAnswers, tenant: str, leader: str) -> AsyncGenerator[Piece, None]:
    after, leads, looked_at, missed = "0", True, 0.0, 0
    while True:
        try:
            if time.monotonic() - looked_at >= _LOOK_S:
                # Before reading: what a leader has landed is in the stream by then.
                leads, looked_at = await store.leads(tenant, leader), time.monotonic()
            after, pieces = await store.read(tenant, leader, after)
        except Unavailable:
            missed += 1
            if missed == _MISSES:
                raise
            continue
        missed = 0
        for piece in pieces:
            yield piece
            if isinstance(piece, Ended | Lost):
                return
        if not leads and not pieces:
            return


async def _wait(event: asyncio.Event, at_most_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, at_most_s)):
            await event.wait()
