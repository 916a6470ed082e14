"""The gateway's own CPU for a turn, with stubbed bus, stores and model, over real HTTP."""

import asyncio
import sys

import httpx
import psutil

from tests.bench.figures import Figure
from tests.unit.gateway.fakes import a_token

TURNS = 400
AT_ONCE = 8
LIMIT_MS = 3.0


async def measure() -> list[Figure]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.gateway_process", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        cpu_ms = await _cpu_ms_a_turn(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        await process.wait()
    return [Figure("gateway CPU a turn", cpu_ms, LIMIT_MS, "ms", False, "8 sources, 41 pieces")]


async def _cpu_ms_a_turn(port: int, process: psutil.Process) -> float:
    headers = {"Authorization": f"Bearer {a_token()}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        await _ask(client, 20)  # imports and caches
        before = process.cpu_times()
        await asyncio.gather(*(_ask(client, TURNS // AT_ONCE) for _ in range(AT_ONCE)))
        after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return used / TURNS * 1000


async def _ask(client: httpx.AsyncClient, turns: int) -> None:
    for n in range(turns):
        response = await client.post("/v1/chat", json={"question": f"What is allowance {n}?"})
        assert "event: done" in response.text, response.text
