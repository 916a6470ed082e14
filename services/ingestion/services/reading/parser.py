"""From a file's bytes to its text; everything but short plain text goes to a child process."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from concurrent.futures import TimeoutError as ParseTimeout
from contextlib import asynccontextmanager
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

from contracts.ingestion.media_types import KNOWN, MARKDOWN, PLAIN_TEXT
from services.ingestion.models.errors import ParserCrashed, Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading import child
from services.ingestion.services.reading.child import limit_memory, parse
from services.ingestion.services.reading.ocr import MISSING, Ocr, recognise, with_texts
from services.ingestion.services.reading.readers import read

Parse = Callable[[bytes, str], Parsed]
T = TypeVar("T")
# What a parser leaks is freed when its process ends.
FILES_PER_PROCESS = 2_000
MEMORY_MB = 512
# UTF-8 up to this size is read at once: the way to the child would take longer.
INLINE_MAX_BYTES = 256 * 1024
# How a library ends its process when it gets no more memory.
_OUT_OF_MEMORY = -signal.SIGABRT
# A note names so many pages.
_NAMED_MAX = 20


class Parser:
    """Processes start with the first file, and again after a crash."""

    def __init__(
        self,
        processes: int,
        timeout_s: float,
        parse: Parse = parse,
        *,
        memory_mb: int = MEMORY_MB,
        ocr: Ocr | None = None,
    ) -> None:
        self._timeout_s, self._parse, self._memory_mb = timeout_s, parse, memory_mb
        self.ocr = ocr
        self._pool = ProcessPool(
            max_workers=processes,
            max_tasks=FILES_PER_PROCESS,
            initializer=limit_memory,
            initargs=(memory_mb,),
            context=_context(),
        )

    async def parse(self, body: bytes, media_type: str) -> Parsed:
        """Raises Rejected (the file's fault) or ParserCrashed (perhaps not its fault)."""
        if media_type not in KNOWN.values():
            raise Rejected(
                "unknown_kind",
                f"Files of this kind cannot be read. Convert it to one of: {', '.join(KNOWN)}.",
            )
        if media_type in (PLAIN_TEXT, MARKDOWN) and _is_short_utf8(body):
            return read(body, media_type)
        return await self._run(self._parse, body, media_type)

    async def recognise(self, body: bytes, media_type: str, parsed: Parsed) -> Parsed:
        """The document with the text of its scanned pages; a note says which could not be read.

        Each page has the limits of a file. Raises Rejected or ParserCrashed.
        """
        if self.ocr is None:
            return _without(parsed, MISSING)
        if len(parsed.scanned) > self.ocr.pages_max:
            words = f"The file has more than {self.ocr.pages_max} scanned pages; split it."
            raise Rejected("too_complex", words)
        texts: dict[int, str] = {}
        problem = ""
        for page in parsed.scanned:
            try:
                text = await self._run(recognise, body, media_type, page, self.ocr.languages)
            except Rejected as error:
                if len(parsed.scanned) == 1 and not parsed.text:
                    raise
                problem = error.message
            else:
                texts[page] = text
        read = with_texts(parsed, texts)
        unread = tuple(page for page in parsed.scanned if page not in texts)
        if media_type != KNOWN["pdf"] and len(parsed.scanned) == 1:
            read = replace(read, pages=())
        return _without(replace(read, scanned=unread), problem) if unread else read

    async def _run(self, work: Callable[..., T], *given: object) -> T:
        job = self._pool.schedule(work, args=given, timeout=self._timeout_s)
        try:
            done: T = await asyncio.wrap_future(job)
        except ParseTimeout:
            words = f"The file could not be read within {self._timeout_s:.0f} s; split it."
            raise Rejected("too_complex", words) from None
        except ProcessExpired as error:
            if error.exitcode == _OUT_OF_MEMORY:
                words = f"Reading the file takes more than {self._memory_mb} MB; split it."
                raise Rejected("too_complex", words) from None
            raise ParserCrashed(f"the parser died with exit code {error.exitcode}") from None
        return done

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


def _context() -> BaseContext:
    """Processes are forks of one that does nothing else.

    A fork of this one would copy the event loop's threads and locks in an unknown state.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([child.__name__])
    return context


def _without(parsed: Parsed, why: str) -> Parsed:
    """With a note of the pages that are not read. Raises Rejected when nothing else is there."""
    if not parsed.text.strip():
        raise Rejected("needs_ocr", why)
    pages = ", ".join(map(str, parsed.scanned[:_NAMED_MAX]))
    more = ", …" if len(parsed.scanned) > _NAMED_MAX else ""
    note = f"Pages that are pictures were not read: {pages}{more}. {why}"
    return replace(parsed, scanned=(), note=" ".join(filter(None, (parsed.note, note))))


@asynccontextmanager
async def open_parser(
    processes: int,
    timeout_s: float,
    parse: Parse = parse,
    *,
    memory_mb: int = MEMORY_MB,
    ocr: Ocr | None = None,
) -> AsyncIterator[Parser]:
    parser = Parser(processes, timeout_s, parse, memory_mb=memory_mb, ocr=ocr)
    try:
        yield parser
    finally:
        await parser.close()
