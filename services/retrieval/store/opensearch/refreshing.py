"""Makes writes searchable: one refresh at a time, shared by all who wait for it."""

import asyncio
from collections.abc import Awaitable, Callable


class Refresher:
    """A refresh for each of many small documents would cut the index into as many segments."""

    def __init__(self, refresh: Callable[[], Awaitable[object]]) -> None:
        self._refresh = refresh
        self._lock = asyncio.Lock()
        self._begun = self._done = 0

    async def __call__(self) -> None:
        """Returns when a refresh that began after this call has ended."""
        asked = self._begun
        async with self._lock:
            if self._done > asked:
                return
            self._begun += 1
            await self._refresh()
            self._done = self._begun
