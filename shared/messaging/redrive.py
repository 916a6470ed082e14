"""Queues for operators: how full they are, and their dead letters: look, send back, discard.

Our own loop (receive, send, delete), since AWS's move task does not serve the dead letters of
SNS subscriptions and no emulator has it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from contracts.topology import QUEUES, Queue
from shared.messaging.bus import Bus, Depth, Parcel
from shared.messaging.wire import Received, Undecodable, attributes, decode

_LOOK_S = 30


@dataclass(frozen=True)
class Redriven:
    """How many were sent back or discarded, and how many lie there still."""

    moved: int
    left: int


@dataclass(frozen=True)
class Load:
    """A queue's depth, its dead letters, and the age in seconds of the oldest message seen.

    The age is told by up to ten messages that wait; None when none does.
    """

    depth: Depth
    dead_letters: int
    oldest_s: float | None


async def loads(bus: Bus) -> dict[str, Load]:
    """By queue. The broker's numbers are approximate."""
    found = await asyncio.gather(*(_load(bus, queue) for queue in QUEUES.values()))
    return dict(zip(QUEUES, found, strict=True))


async def _load(bus: Bus, queue: Queue) -> Load:
    depth, dead = await asyncio.gather(bus.depths(queue.name), bus.depth(queue.dead_letters))
    oldest = await bus.oldest_sent_ms(queue.name) if depth.waiting else None
    age = None if oldest is None else max(0.0, time.time() - oldest / 1000)
    return Load(depth, dead, age)


async def look(bus: Bus, queue: Queue, most: int) -> list[Received]:
    """Up to `most` dead letters; they stay, and others see them again when this returns."""
    seen: list[Received] = []
    async for batch in _batches(bus, queue):
        seen += batch
        if len(seen) >= most:
            break
    await bus.hide(queue.dead_letters, [message.receipt for message in seen], 0)
    return seen[:most]


async def redrive(
    bus: Bus,
    queue: Queue,
    *,
    per_second: float,
    only: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Redriven:
    """Sends back what lay there at the start; `only`: the one of that event or message id.

    What fails again meanwhile stays, or one poisonous message would go round for ever.
    """

    async def send_back(message: Received) -> None:
        body = await bus.body_of(message)
        parcel = Parcel(body, attributes(message.kept))
        if parcel.size() > queue.limit_bytes:
            # It filled the limit alone. Its first sender is lost, so the operator counts as such.
            parcel = Parcel(body, {})
        await bus.send_parcel(queue.name, parcel)

    return await _take(bus, queue, send_back, per_second, only, progress)


async def discard(
    bus: Bus,
    queue: Queue,
    *,
    only: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Redriven:
    """Deletes what lay there at the start, claim checks too; `only`: as in redrive."""

    async def delete_claim_check(message: Received) -> None:
        with suppress(Undecodable):
            await bus.delete_claim_check(queue.name, decode(message.body))

    return await _take(bus, queue, delete_claim_check, float("inf"), only, progress)


async def _take(
    bus: Bus,
    queue: Queue,
    handle: Callable[[Received], Awaitable[None]],
    per_second: float,
    only: str | None,
    progress: Callable[[int], None],
) -> Redriven:
    moved, held, started_ms = 0, dict[str, str](), time.time() * 1000
    try:
        async for batch in _batches(bus, queue):
            held |= {message.id: message.receipt for message in batch}
            for message in batch:
                meant = only in (None, message.id, message.attributes.get("event_id"))
                if not meant or message.sent_at_ms >= started_ms:
                    continue
                await handle(message)
                await bus.delete(queue.dead_letters, message.receipt)
                del held[message.id]
                await bus.delete_parked(message)
                moved += 1
                progress(moved)
                await asyncio.sleep(1 / per_second)
    finally:
        await bus.hide(queue.dead_letters, list(held.values()), 0)
    return Redriven(moved, len(held))


async def _batches(bus: Bus, queue: Queue) -> AsyncIterator[list[Received]]:
    """Every dead letter once: until a short poll brings nothing or only what was seen."""
    seen: set[str] = set()
    while messages := await bus.receive(queue.dead_letters, 10, 1):
        await bus.hide(queue.dead_letters, [message.receipt for message in messages], _LOOK_S)
        fresh = [message for message in messages if message.id not in seen]
        seen |= {message.id for message in fresh}
        if not fresh:
            return
        yield fresh
