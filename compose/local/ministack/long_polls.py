"""ReceiveMessage that ends when a message comes; ministack's own looks every 100 ms."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

Handler = Callable[[dict[str, Any], str], Any]
Receive = Callable[[dict[str, Any], str], Awaitable[dict[str, Any]]]
Queue = dict[str, Any]
# The shortest wait: a FIFO queue may hold visible messages that cannot be had yet.
_LEAST_S = 0.01


@dataclass(frozen=True, eq=False)
class _Waiting:
    queue: Queue
    until: float
    woken: asyncio.Event


class LongPolls:
    """`receive` is ministack's handler, asked without a wait; `queue_at` gives a URL's queue."""

    def __init__(self, receive: Receive, queue_at: Callable[[str], Queue]) -> None:
        self._receive, self._queue_at = receive, queue_at
        self._waiting: set[_Waiting] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def receive(self, data: dict[str, Any], url: str) -> dict[str, Any]:
        """The handler in place of ministack's."""
        queue = self._queue_at(data.get("QueueUrl", url))
        wait_s = data.get("WaitTimeSeconds")
        if wait_s is None:
            wait_s = queue["attributes"].get("ReceiveMessageWaitTimeSeconds", 0)
        deadline = time.time() + int(wait_s)
        at_once = {**data, "WaitTimeSeconds": 0}
        while True:
            answer = await self._receive(at_once, url)
            if answer or time.time() >= deadline:
                return answer
            await self._until_something_may_come(queue, deadline)

    def then_look(self, handler: Handler) -> Handler:
        """`handler`, after which a message of a waiting queue may be visible earlier."""

        def handle(data: dict[str, Any], url: str) -> Any:
            result = handler(data, url)
            self.look()
            return result

        return handle

    def look(self) -> None:
        """Wakes the polls whose queue has something earlier than they wait for; from any thread."""
        if self._waiting and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for waiting in self._waiting:
            if _next_visible(waiting.queue, waiting.until) < waiting.until:
                waiting.woken.set()

    async def _until_something_may_come(self, queue: Queue, deadline: float) -> None:
        self._loop = asyncio.get_running_loop()
        waiting = _Waiting(queue, _next_visible(queue, deadline), asyncio.Event())
        self._waiting.add(waiting)
        try:
            async with asyncio.timeout(max(_LEAST_S, waiting.until - time.time())):
                await waiting.woken.wait()
        except TimeoutError:
            return
        finally:
            self._waiting.discard(waiting)


def _next_visible(queue: Queue, at_most: float) -> float:
    """When the first message that is hidden now, by delay or receipt, is to be had."""
    times: list[float] = [message["visible_at"] for message in queue["messages"]]
    return min([at_most, *times])
