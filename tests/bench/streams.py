"""Many streams at once, and what a stream costs, against a forwarder without anything around it.

Retrieval, memory and stores are stubbed; the model's stream and HTTP are real on both sides.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
import psutil

from tests.bench.figures import Figure
from tests.unit.gateway.fakes import a_token

MANY, MOST = 100, 200
LATER_MS = 25.0
ROUNDS = 12
CPU_LIMIT = 1.3
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Side:
    """A process that streams answers."""

    client: httpx.AsyncClient
    process: psutil.Process

    async def stream(self, model: str, n: int) -> tuple[float, bool]:
        """Milliseconds to the first token, and whether the stream came to its end."""
        began, first, ended = time.perf_counter(), 0.0, False
        body = {"question": f"What is allowance {n}?", "model": model}
        async with self.client.stream("POST", "/v1/chat", json=body) as response:
            assert response.status_code == 200, await response.aread()
            async for line in response.aiter_lines():
                if line == "event: token" and not first:
                    first = (time.perf_counter() - began) * 1000
                ended = ended or line in ("event: done", "event: error")
        return first, ended

    async def at_once(self, model: str, count: int) -> list[tuple[float, bool]]:
        return await asyncio.gather(*(self.stream(model, n) for n in range(count)))

    async def cpu_ms(self, at_once: int) -> float:
        """Of a turn of 150 tokens, 10 ms each."""
        before = self.process.cpu_times()
        for _ in range(ROUNDS if at_once == 1 else ROUNDS // 4):
            assert all(first for first, _ in await self.at_once("p0x10", at_once))
        after = self.process.cpu_times()
        turns = at_once * (ROUNDS if at_once == 1 else ROUNDS // 4)
        used = after.user + after.system - before.user - before.system
        return used / turns * 1000


async def measure() -> list[Figure]:
    async with AsyncExitStack() as stack:
        port, _ = await stack.enter_async_context(_process("model"))
        url = f"http://127.0.0.1:{port}"
        bare = await _side(stack, "forwarder", url)
        ours = await _side(stack, "gateway", url)
        for side in (bare, ours):
            await side.at_once("p0x10", 20)  # imports, caches and connections
        firsts = {side: await side.at_once("p300x15", MANY) for side in (bare, ours)}
        assert all(first for told in firsts.values() for first, _ in told)
        most = await ours.at_once("p300x15", MOST)
        cpu = [(n, await ours.cpu_ms(n), await bare.cpu_ms(n)) for n in (1, 20)]
    p95 = {side: _p95([first for first, _ in told]) for side, told in firsts.items()}
    unfinished = sum(not ended for _, ended in most)
    later, many = p95[ours] - p95[bare], f"{p95[ours]:.0f} against {p95[bare]:.0f} ms"
    return [
        Figure(f"{MANY} streams: first token later", later, LATER_MS, "ms", False, many),
        Figure(f"{MOST} streams: without a final event", unfinished, 0, "", False),
        *(_cpu(*measured) for measured in cpu),
    ]


def _cpu(at_once: int, ours: float, bare: float) -> Figure:
    name = f"CPU of a turn / bare forwarder, {at_once} at once"
    return Figure(name, ours / bare, CPU_LIMIT, "", False, f"{ours:.0f} against {bare:.0f} ms")


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


async def _side(stack: AsyncExitStack, which: str, url: str) -> Side:
    port, process = await stack.enter_async_context(_process(which, url))
    # A connection that is kept may be closed by its server just when it is used again.
    limits = httpx.Limits(max_connections=MOST + 10, max_keepalive_connections=0)
    client = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {a_token()}"},
        limits=limits,
        timeout=PATIENCE_S,
        trust_env=False,
    )
    side = Side(await stack.enter_async_context(client), process)
    await _until_ready(side)
    return side


async def _until_ready(side: Side) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            await side.stream("p0x10", 0)
            return
        except httpx.TransportError:
            assert time.monotonic() < end, "the process did not start"
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _process(*arguments: str) -> AsyncIterator[tuple[int, psutil.Process]]:
    command = [sys.executable, "-m", "tests.bench.streams_process", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline()), psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()
