"""Probe until true: tests wait for what they expect, never for a while."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def until(found: Callable[[], Any], within_s: float = 10.0, every_s: float = 0.02) -> Any:
    """The first truthy value of `found`, which may be a coroutine function.

    Raises AssertionError when the time is over.
    """
    deadline = time.monotonic() + within_s
    while True:
        value = found()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: last seen {value!r}")
        await asyncio.sleep(every_s)
