"""Bounded concurrency over many items."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


async def each(items: Iterable[T], work: Callable[[T], Awaitable[None]], concurrency: int) -> None:
    """Does `work` for every item; the first error cancels the rest and is raised."""
    left = iter(items)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(_drain(left, work))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _drain(left: Iterator[T], work: Callable[[T], Awaitable[None]]) -> None:
    for item in left:
        await work(item)
