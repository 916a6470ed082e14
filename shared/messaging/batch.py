"""Ten calls in one: items wait a moment for company, each learns its own fate."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from shared.errors import Unavailable

T = TypeVar("T")
BATCH_MAX = 10
WAIT_S = 0.05


class NotConfirmed(Exception):
    """The provider refused the item: sending it again is no use."""


Call = Callable[[Sequence[T]], Awaitable[Mapping[str, Any]]]


class Batcher(Generic[T]):
    """`call` gets at most 10 items and `limit_bytes` at once; entry ids are their places.

    `dependency` is who is unavailable when the provider fails an item or does not mention it. Items
    wait `wait_s` for company, but after a pause of that length the first ones only `first_s`.
    """

    def __init__(
        self,
        call: Call[T],
        dependency: str,
        size: Callable[[T], int] = lambda _: 0,
        limit_bytes: int = 1 << 30,
        wait_s: float = WAIT_S,
        first_s: float = WAIT_S,
    ) -> None:
        self._call, self._dependency, self._size = call, dependency, size
        self._limit, self._wait_s, self._first_s = limit_bytes, wait_s, min(first_s, wait_s)
        self._quiet_from = 0.0
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def add(self, item: T) -> None:
        """Returns when this item is confirmed. Raises NotConfirmed, Unavailable or the call's."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if self._bytes() + self._size(item) > self._limit:
            self._flush()
        self._waiting.append((item, done))
        if len(self._waiting) >= BATCH_MAX:
            self._flush()
        elif self._timer is None:
            now = loop.time()
            self._timer = loop.call_at(max(now + self._first_s, self._quiet_from), self._flush)
        await done

    async def drain(self) -> None:
        while self._waiting or self._running:
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
            self._quiet_from = asyncio.get_running_loop().time() + self._wait_s
            task = asyncio.create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, batch: list[tuple[T, asyncio.Future[None]]]) -> None:
        try:
            answer = await self._call([item for item, _ in batch])
            fates = reconcile(len(batch), answer, self._dependency)
        except Exception as error:  # noqa: BLE001 (every waiting caller gets it)
            fates = dict.fromkeys(range(len(batch)), error)
        for place, (_, done) in enumerate(batch):
            if done.done():
                continue
            if place in fates:
                done.set_exception(fates[place])
            else:
                done.set_result(None)


def reconcile(submitted: int, answer: Mapping[str, Any], dependency: str) -> dict[int, Exception]:
    """Failures by place. Submitted = Successful + Failed: who is missing from both has failed."""
    confirmed = {int(entry["Id"]) for entry in answer.get("Successful", [])}
    failed = {int(entry["Id"]): entry for entry in answer.get("Failed", [])}
    return {
        place: _failure(failed.get(place), dependency)
        for place in range(submitted)
        if place not in confirmed
    }


def _failure(entry: Mapping[str, Any] | None, dependency: str) -> Exception:
    if entry is None:
        return Unavailable(dependency, "its answer does not mention the item")
    code = str(entry.get("Code", "no code"))
    return NotConfirmed(code) if entry.get("SenderFault") else Unavailable(dependency, code)
