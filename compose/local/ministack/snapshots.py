"""Saves ministack's state while it runs: a kill -9 or a power cut costs seconds at most.

A forked child writes, as Redis does it: it holds the memory of one moment, of all services at once,
and the server waits for the fork only (2 ms; to copy 1,000 messages and 1,000 turns takes 55 ms,
to write them 250 ms). The state is written as a whole, so a large one is saved less often.
"""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from compose.local.ministack.generations import Generations

logger = logging.getLogger(__name__)
PAUSES = 4
"""A pause lasts so many times as long as the save before it, which leaves four fifths of a core."""


class Snapshots:
    """Every `interval_s` seconds or later, `write` puts all state into a folder, if it changed."""

    def __init__(
        self, generations: Generations, write: Callable[[Path], None], interval_s: float
    ) -> None:
        self._generations, self._write, self._interval_s = generations, write, interval_s
        self._changed = False
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def changed(self) -> None:
        """Memory may differ from what is saved; from any thread."""
        self._changed = True

    def start(self) -> None:
        self._generations.remove_others()
        self._running = asyncio.create_task(self._keep_saving(), name="snapshots")

    async def stop(self) -> None:
        """Waits for a child that writes, then saves once more in this process."""
        self._stopping.set()
        if self._running is not None:
            await self._running
        self._save()

    async def _keep_saving(self) -> None:
        took_s = 0.0
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(max(self._interval_s, PAUSES * took_s)):
                    await self._stopping.wait()
            if self._changed:
                self._changed = False
                begun = time.monotonic()
                _, status = await asyncio.to_thread(os.waitpid, self._fork(), 0)
                took_s = time.monotonic() - begun
                self._changed |= status != 0

    def _fork(self) -> int:
        """The id of a child that saves; it is in our process group and dies with it."""
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            gc.disable()  # a collection would only copy pages that are shared
            self._save()
            status = 0
        except Exception:
            logger.exception("The state was not saved; it is tried again after a pause")
        finally:
            os._exit(status)

    def _save(self) -> None:
        staged = self._generations.stage()
        self._write(staged)
        self._generations.commit(staged)
