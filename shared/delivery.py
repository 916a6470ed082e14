"""Events on their way to a topic: sent again until confirmed, while the process lives."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.message import Message
from shared.errors import Unavailable, described
from shared.observability import metric
from shared.ports import Publisher

logger = logging.getLogger(__name__)
# Seconds between two attempts; the last one repeats.
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class Event:
    """`id` is made once, so that an event that is sent twice is counted once."""

    topic: str
    message: Message
    context: Context
    id: str
    batched: bool = False


class Delivery:
    """One a process. An outage of the topic delays an event; only the process's end loses it."""

    def __init__(self, publisher: Publisher, pauses_s: Sequence[float] = PAUSES_S) -> None:
        self._publisher, self._pauses_s = publisher, pauses_s
        self._tasks: dict[asyncio.Task[None], Event] = {}

    def start(self, event: Event) -> asyncio.Task[None]:
        """Ends when the event is confirmed. Cancelling whoever waits for it must not cancel it."""
        task = asyncio.create_task(self._until_confirmed(event))
        self._tasks[task] = event
        task.add_done_callback(self._ended)
        return task

    async def drain(self, within_s: float) -> list[Event]:
        """Waits for what is on its way; returns the events that were not confirmed in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while self._tasks and loop.time() < end:
            await asyncio.wait(list(self._tasks), timeout=end - loop.time())
        late = list(self._tasks)
        lost = list(self._tasks.values())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return lost

    async def _until_confirmed(self, event: Event) -> None:
        attempt = 0
        while True:
            try:
                publisher = self._publisher
                publish = publisher.publish if event.batched else publisher.publish_now
                await publish(event.topic, event.message, event.context, id=event.id)
            except Unavailable as error:
                metric("DeliveryRetried", 1, topic=event.topic)
                fields = {"topic": event.topic, "event_id": event.id, "reason": str(error)}
                logger.warning("not_confirmed_yet", extra={"fields": fields})
            else:
                return
            await asyncio.sleep(self._pauses_s[min(attempt, len(self._pauses_s) - 1)])
            attempt += 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        event = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            fields = {"topic": event.topic, "event_id": event.id, "error": described(error)}
            logger.error("delivery_failed", extra={"fields": fields})
