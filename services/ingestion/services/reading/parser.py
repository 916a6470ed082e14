"""From a file's bytes to its text; everything but short plain text goes to a child process."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import TimeoutError as ParseTimeout
from contextlib import asynccontextmanager
from multiprocessing import get_context

from pebble import ProcessExpired, ProcessPool

from contracts.ingestion.media_types import KNOWN, MARKDOWN, PLAIN_TEXT
from services.ingestion.models.errors import ParserCrashed, Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.child import limit_memory, parse
from services.ingestion.services.reading.readers import read

Parse = Callable[[bytes, str], Sequence[Parsed]]
# What a parser leaks is freed when its process ends.
FILES_PER_PROCESS = 500
MEMORY_MB = 512
# UTF-8 up to this size is read at once: the way to the child would take longer.
INLINE_MAX_BYTES = 256 * 1024
# How a library ends its process when it gets no more memory.
_OUT_OF_MEMORY = -signal.SIGABRT


class Parser:
    """Processes start with the first file, and again after a crash."""

    def __init__(
        self, processes: int, timeout_s: float, parse: Parse = parse, *, memory_mb: int = MEMORY_MB
    ) -> None:
        self._timeout_s, self._parse, self._memory_mb = timeout_s, parse, memory_mb
        # A fork would copy the event loop's threads and locks in an unknown state.
        self._pool = ProcessPool(
            max_workers=processes,
            max_tasks=FILES_PER_PROCESS,
            initializer=limit_memory,
            initargs=(memory_mb,),
            context=get_context("spawn"),
        )

    async def parse(self, body: bytes, media_type: str) -> Sequence[Parsed]:
        """The document itself, then the parts of it that are documents too; one at least.

        Raises Rejected (the file's fault) or ParserCrashed (perhaps not its fault).
        """
        if media_type not in KNOWN.values():
            raise Rejected(
                "unknown_kind",
                f"Files of the kind {media_type} cannot be read; known are: {', '.join(KNOWN)}.",
            )
        if media_type in (PLAIN_TEXT, MARKDOWN) and _is_short_utf8(body):
            return read(body, media_type)
        job = self._pool.schedule(self._parse, args=(body, media_type), timeout=self._timeout_s)
        try:
            parsed: Sequence[Parsed] = await asyncio.wrap_future(job)
        except ParseTimeout:
            words = f"The file could not be read within {self._timeout_s:.0f} s; split it."
            raise Rejected("too_complex", words) from None
        except ProcessExpired as error:
            if error.exitcode == _OUT_OF_MEMORY:
                words = f"Reading the file takes more than {self._memory_mb} MB; split it."
                raise Rejected("too_complex", words) from None
            raise ParserCrashed(f"the parser died with exit code {error.exitcode}") from None
        return parsed

    async def close(self) -> None:
        self._pool.stop()  # type: ignore[no-untyped-call]
        await asyncio.to_thread(self._pool.join)


def _is_short_utf8(body: bytes) -> bool:
    if len(body) > INLINE_MAX_BYTES or b"\0" in body:
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


@asynccontextmanager
async def open_parser(
    processes: int, timeout_s: float, parse: Parse = parse, *, memory_mb: int = MEMORY_MB
) -> AsyncIterator[Parser]:
    parser = Parser(processes, timeout_s, parse, memory_mb=memory_mb)
    try:
        yield parser
    finally:
        await parser.close()


def only(parts: Sequence[Parsed]) -> Parsed:
    """Raises Rejected for several: a version's passages come from one text so far."""
    if len(parts) > 1:
        names = ", ".join(part.name for part in parts if part.name)
        raise Rejected(
            "several_parts", f"The file holds several documents ({names}); send them one by one."
        )
    return parts[0]
