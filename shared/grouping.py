"""Concurrent calls of one kind as one: while some are under way, the next ones gather."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from shared.errors import Unavailable

T = TypeVar("T")
R = TypeVar("R")
# Bounds a transaction's size; above it, several follow each other.
GROUP_MAX = 200


class Grouping(Generic[T, R]):
    """`flush` gets the items that gathered and answers one result for each, in order.

    An idle group adds no delay beyond `wait_s`, in which items gather before a flush. `at_once`
    flushes run at a time, each of items of one `key` whose sizes sum up to at most `most` (one item
    at least). When a flush fails by an item's fault, its items are tried one by one, so that a bad
    one hurts nobody else.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        most: int = GROUP_MAX,
        size: Callable[[T], int] = lambda _: 1,
        key: Callable[[T], Hashable] = lambda _: None,
        at_once: int = 1,
        wait_s: float = 0.0,
    ) -> None:
        self._flush, self._most, self._size, self._key = flush, most, size, key
        self._at_once, self._wait_s = at_once, wait_s
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, item: T) -> R:
        """This item's result. Raises what its flush raised."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if len(self._tasks) < self._at_once:
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
        return await done

    async def _work(self) -> None:
        try:
            while self._waiting:
                # One turn of the loop at least, so that callers who are ready now share a flush.
                await asyncio.sleep(self._wait_s)
                await self._settle(self._next())
        finally:
            # By the worker itself: a done callback comes later than the next item may.
            self._tasks.discard(asyncio.current_task())

    def _next(self) -> list[tuple[T, "asyncio.Future[R]"]]:
        """The first who still waits, and those who may go with it; all in their order."""
        group: list[tuple[T, asyncio.Future[R]]] = []
        left, room = [], self._most
        for item, done in self._waiting:
            if done.done():
                continue
            if not group or (
                self._size(item) <= room and self._key(item) == self._key(group[0][0])
            ):
                group.append((item, done))
                room -= self._size(item)
            else:
                left.append((item, done))
        self._waiting = left
        return group

    async def _settle(self, group: list[tuple[T, "asyncio.Future[R]"]]) -> None:
        if not group:
            return
        try:
            results = await self._flush([item for item, _ in group])
            settled = list(zip(group, results, strict=True))
        except Exception as error:  # noqa: BLE001 (every waiting caller gets it)
            if len(group) > 1 and not isinstance(error, Unavailable):
                for entry in group:
                    await self._settle([entry])
                return
            for _, done in group:
                if not done.done():
                    done.set_exception(error)
            return
        for (_, done), result in settled:
            if not done.done():
                done.set_result(result)
