"""Ten calls in one: items wait a moment for company, each learns its own fate."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
BATCH_MAX = 10
WAIT_S = 0.05


class NotConfirmed(Exception):
    """The provider refused the item, or its answer does not mention it."""


Call = Callable[[Sequence[T]], Awaitable[Mapping[str, Any]]]


class Batcher(Generic[T]):
    """`call` gets at most 10 items and `limit_bytes` at once; entry ids are their places."""

    def __init__(
        self,
        call: Call[T],
        size: Callable[[T], int] = lambda _: 0,
        limit_bytes: int = 1 << 30,
        wait_s: float = WAIT_S,
    ) -> None:
        self._call, self._size, self._limit, self._wait_s = call, size, limit_bytes, wait_s
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def add(self, item: T) -> None:
        """Returns when this item is confirmed. Raises NotConfirmed or the call's error."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if self._bytes() + self._size(item) > self._limit:
            self._flush()
        self._waiting.append((item, done))
        if len(self._waiting) >= BATCH_MAX:
            self._flush()
        elif self._timer is None:
            self._timer = loop.call_later(self._wait_s, self._flush)
        await done

    async def drain(self) -> None:
        self._flush()
        await asyncio.gather(*self._running)

    def _bytes(self) -> int:
        return sum(self._size(item) for item, _ in self._waiting)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            batch, self._waiting = self._waiting, []
            task = asyncio.create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, batch: list[tuple[T, asyncio.Future[None]]]) -> None:
        try:
            answer = await self._call([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 (every waiting caller gets it)
            fates: dict[int, Exception] = dict.fromkeys(range(len(batch)), error)
        else:
            fates = reconcile(len(batch), answer)
        for place, (_, done) in enumerate(batch):
            if done.done():
                continue
            if place in fates:
                done.set_exception(fates[place])
            else:
                done.set_result(None)


def reconcile(submitted: int, answer: Mapping[str, Any]) -> dict[int, Exception]:
    """Failures by place. Submitted = Successful + Failed: who is missing from both has failed."""
    confirmed = {int(entry["Id"]) for entry in answer.get("Successful", [])}
    words = {
        int(entry["Id"]): f"{entry.get('Code', '')} {entry.get('Message', '')}".strip()
        for entry in answer.get("Failed", [])
    }
    return {
        place: NotConfirmed(words.get(place, "missing from the answer"))
        for place in range(submitted)
        if place not in confirmed
    }
