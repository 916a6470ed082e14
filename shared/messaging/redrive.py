"""Dead letters: count, look at, and send back to their queue at a bounded rate.

Our own loop (receive, send, delete), since AWS's move task does not serve the dead letters of
SNS subscriptions and no emulator has it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from contracts.topology import QUEUES, Queue
from shared.messaging.bus import Bus, Parcel
from shared.messaging.wire import Received, attributes

_FACTS = ("reason", "source", "failed_at", "event_id")
_LOOK_S = 30


@dataclass(frozen=True)
class Redriven:
    moved: int
    left: int


async def waiting(bus: Bus) -> dict[str, int]:
    """Dead letters by queue, the broker's approximate number."""
    counts = await asyncio.gather(*(bus.depth(queue.dead_letters) for queue in QUEUES.values()))
    return dict(zip(QUEUES, counts, strict=True))


async def look(bus: Bus, queue: Queue, most: int) -> list[Received]:
    """Up to `most` dead letters; they stay, hidden from others for a moment."""
    seen: dict[str, Received] = {}
    async for message in _each(bus, queue):
        seen[message.id] = message
        if len(seen) >= most:
            break
    await bus.hide(queue.dead_letters, [message.receipt for message in seen.values()], 0)
    return list(seen.values())


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
    moved, left, started_ms = 0, [], time.time() * 1000
    async for message in _each(bus, queue):
        meant = only in (None, message.id, message.attributes.get("event_id"))
        if not meant or message.sent_at_ms >= started_ms:
            left.append(message.receipt)
            continue
        kept = {k: v for k, v in message.attributes.items() if k not in _FACTS}
        await bus.send_parcel(queue.name, Parcel(message.body, attributes(kept)))
        await bus.delete(queue.dead_letters, message.receipt)
        moved += 1
        progress(moved)
        await asyncio.sleep(1 / per_second)
    await bus.hide(queue.dead_letters, left, 0)
    return Redriven(moved, len(left))


async def _each(bus: Bus, queue: Queue) -> AsyncIterator[Received]:
    """Every dead letter once: until a short poll brings nothing or only what was seen."""
    seen: set[str] = set()
    while messages := await bus.receive(queue.dead_letters, 10, 1):
        await bus.hide(queue.dead_letters, [message.receipt for message in messages], _LOOK_S)
        fresh = [message for message in messages if message.id not in seen]
        seen |= {message.id for message in fresh}
        for message in fresh:
            yield message
        if not fresh:
            return
