"""All processes of one run, by name."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from compose.local.errors import LocalError, PartFailed
from compose.local.logs import rotate
from compose.local.parts.part import Part
from compose.local.process_list import ProcessList
from compose.local.progress import Progress
from compose.local.supervised import Supervised

# What crashes this often while the system starts will not come up.
_MAX_CRASHES = 3


class Fleet:
    """`hurry`, once set, cuts every stop short."""

    def __init__(self, logs: Path, process_list: ProcessList, progress: Progress) -> None:
        self.hurry = asyncio.Event()
        self._logs, self._process_list, self._progress = logs, process_list, progress
        self._parts: dict[str, Supervised] = {}

    def __getitem__(self, name: str) -> Supervised:
        return self._parts[name]

    async def run(self, part: Part) -> None:
        """Returns when it is ready; raises PartFailed."""
        supervised = Supervised(part, self._logs, self._process_list, self._progress)
        self._parts[part.name] = supervised
        await supervised.start()

    async def stop(self, names: Iterable[str]) -> None:
        """Side by side; a name that was never started is no error."""
        parts = [self._parts[name] for name in names if name in self._parts]
        await asyncio.gather(*(part.stop(self.hurry) for part in parts))

    def pids(self) -> dict[str, int]:
        return {name: part.pid for name, part in self._parts.items() if part.pid is not None}

    def check(self) -> None:
        """Raises PartFailed for a part that crashes again and again."""
        for name, part in self._parts.items():
            if part.crashes >= _MAX_CRASHES:
                raise PartFailed(f"{name} does not stay up. Its log: {part.log}")

    def rotate_logs(self) -> None:
        for part in self._parts.values():
            rotate(part.log)


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group whose failure is the one error a person can read, not a tree of them."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        readable = failures.subgroup(LocalError)
        raise failures if readable is None else _first(readable) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
