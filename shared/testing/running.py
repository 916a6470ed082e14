"""Runs a runnable for the time of a block, and collects what a handler was given."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from contracts.envelope import Context
from shared.lifecycle import Runnable, Service
from shared.outcomes import Done, Outcome
from shared.periodic import Periodic

T = TypeVar("T")


@asynccontextmanager
async def running(*runnables: Runnable) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(runnable.run()) for runnable in runnables]
    try:
        yield
    finally:
        for runnable in runnables:
            runnable.stop()
        await asyncio.gather(*tasks)


def loop_of(service: Service, kind: type[T]) -> Periodic:
    """That does a method of `kind` from time to time."""
    loops = (one for one in service.runnables if isinstance(one, Periodic))
    [found] = [loop for loop in loops if isinstance(getattr(loop.job, "__self__", None), kind)]
    return found


def worker(service: Service, kind: type[T]) -> T:
    """Whose method a service does from time to time."""
    owner: T = getattr(loop_of(service, kind).job, "__self__")  # noqa: B009 (mypy knows no methods here)
    return owner


class Recorder:
    """A handler that notes each call and answers what `behave` says (Done by default)."""

    def __init__(self, behave: Callable[[int], Awaitable[Outcome]] | None = None) -> None:
        self.calls: list[tuple[Any, Context]] = []
        self._behave = behave

    async def __call__(self, message: Any, context: Context) -> Outcome:
        self.calls.append((message, context))
        return await self._behave(len(self.calls)) if self._behave else Done()
