"""Runs a runnable for the time of a block, and collects what a handler was given."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from contracts.envelope import Context
from shared.lifecycle import Runnable
from shared.outcomes import Done, Outcome


@asynccontextmanager
async def running(*runnables: Runnable) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(runnable.run()) for runnable in runnables]
    try:
        yield
    finally:
        for runnable in runnables:
            runnable.stop()
        await asyncio.gather(*tasks)


class Recorder:
    """A handler that notes each call and answers what `behave` says (Done by default)."""

    def __init__(self, behave: Callable[[int], Awaitable[Outcome]] | None = None) -> None:
        self.calls: list[tuple[Any, Context]] = []
        self._behave = behave

    async def __call__(self, message: Any, context: Context) -> Outcome:
        self.calls.append((message, context))
        return await self._behave(len(self.calls)) if self._behave else Done()
