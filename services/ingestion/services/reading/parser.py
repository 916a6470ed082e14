"""A file's bytes to its text; everything but plain text goes through a child process."""

import asyncio
from collections.abc import Callable
from concurrent.futures import TimeoutError as ParseTimeout
from multiprocessing import get_context

from pebble import ProcessExpired, ProcessPool

from contracts.ingestion.media_types import KNOWN, MARKDOWN, PLAIN_TEXT
from services.ingestion.models.errors import ParserCrashed, Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.child import limit_memory, parse
from services.ingestion.services.reading.plain import parse_plain

Parse = Callable[[bytes, str], Parsed]
# What a parser leaks goes with its process.
FILES_PER_PROCESS = 500


class Parser:
    """Processes start with the first file, and again after a crash."""

    def __init__(self, processes: int, timeout_s: float, parse: Parse = parse) -> None:
        self._timeout_s, self._parse = timeout_s, parse
        # A fork would copy the event loop's threads and locks in an unknown state.
        self._pool = ProcessPool(
            max_workers=processes,
            max_tasks=FILES_PER_PROCESS,
            initializer=limit_memory,
            context=get_context("spawn"),
        )

    async def __call__(self, body: bytes, media_type: str) -> Parsed:
        """Raises Rejected (the file's fault) or ParserCrashed (perhaps not)."""
        if media_type not in KNOWN.values():
            raise Rejected(
                "unknown_kind",
                f"Files of the kind {media_type} cannot be read; known are: {', '.join(KNOWN)}.",
            )
        if media_type in (PLAIN_TEXT, MARKDOWN):
            return parse_plain(body, markdown=media_type == MARKDOWN)
        job = self._pool.schedule(self._parse, args=(body, media_type), timeout=self._timeout_s)
        try:
            parsed: Parsed = await asyncio.wrap_future(job)
        except ParseTimeout:
            raise Rejected(
                "too_complex", f"The file could not be read within {self._timeout_s:.0f} s."
            ) from None
        except ProcessExpired as error:
            raise ParserCrashed(f"the parser died with exit code {error.exitcode}") from None
        return parsed

    async def close(self) -> None:
        self._pool.stop()  # type: ignore[no-untyped-call]
        await asyncio.to_thread(self._pool.join)
