"""Concurrent writes of one kind as one transaction: while one commits, the next ones gather."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from shared.errors import Unavailable

T = TypeVar("T")
R = TypeVar("R")
# Bounds a transaction's size; above it, several follow each other.
GROUP_MAX = 200


class GroupCommit(Generic[T, R]):
    """`flush` gets the items that gathered and answers one result for each, in order.

    An idle group adds no delay: the first item goes at once. When a flush fails by an item's
    fault, its items are tried one by one, so that a bad one hurts nobody else.
    """

    def __init__(self, flush: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> None:
        self._flush = flush
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, item: T) -> R:
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        # One turn of the loop, so that callers who are ready now share the first flush.
        await asyncio.sleep(0)
        while self._waiting:
            group = self._waiting[:GROUP_MAX]
            del self._waiting[:GROUP_MAX]
            await self._settle([entry for entry in group if not entry[1].done()])
        self._task = None

    async def _settle(self, group: list[tuple[T, "asyncio.Future[R]"]]) -> None:
        if not group:
            return
        try:
            results = await self._flush([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 (every waiting caller gets it)
            if len(group) > 1 and not isinstance(error, Unavailable):
                for entry in group:
                    await self._settle([entry])
                return
            for _, done in group:
                if not done.done():
                    done.set_exception(error)
            return
        for (_, done), result in zip(group, results, strict=True):
            if not done.done():
                done.set_result(result)
