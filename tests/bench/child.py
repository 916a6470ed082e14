"""A process that is measured: it prints its port first, and its metrics after it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil


@asynccontextmanager
async def started(module: str, *arguments: str) -> AsyncIterator[tuple[int, psutil.Process]]:
    """`python -m tests.bench.<module>`: its port, and the process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tests.bench.{module}", *arguments), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    # Left unread, the metrics fill the pipe: the process stops, and its end is never seen.
    reading = asyncio.create_task(process.stdout.read())
    try:
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()
        await reading
