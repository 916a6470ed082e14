"""Slow and greedy clients, over real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from services.gateway.services.access import Access
from shared.testing.probe import until
from shared.testing.running import running
from tests.unit.gateway.fakes import Gateway, a_token, open_gateway

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Gateway]:
    async with open_gateway(drain_s=1, **settings) as gateway, running(gateway.service.server):
        yield gateway


async def sent(gateway: Gateway, *pieces: bytes, every_s: float = 0.0) -> bytes:
    """What comes back until the gateway closes."""
    port = gateway.service.server.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send() -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every_s)

    sending = asyncio.create_task(send())
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()


async def healthy(gateway: Gateway) -> bool:
    url = f"http://127.0.0.1:{gateway.service.server.port}/healthz"
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url)).status_code == 200


async def test_slow_heads_are_closed_in_time_and_others_are_served_meanwhile() -> None:
    async with serving(head_s=1.0) as gateway:
        began = time.monotonic()
        drip = [HEAD, *(b"X-%d: y\r\n" % n for n in range(1000))]
        slow = [asyncio.create_task(sent(gateway, *drip, every_s=0.1)) for _ in range(100)]
        slow += [asyncio.create_task(sent(gateway)) for _ in range(100)]
        await asyncio.sleep(0.2)
        assert not any(task.done() for task in slow)
        assert await healthy(gateway)
        async with asyncio.timeout(15):
            answers = await asyncio.gather(*slow)
        assert time.monotonic() - began >= 1.0
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers if answer)
    assert sum(1 for answer in answers if answer) >= 100


@pytest.mark.parametrize(
    "pieces",
    [
        [HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\n"],
        [HEAD + b"X: ", *[b"y" * 10_000] * 100],
        [HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + b"\r\n"],
        [b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
    ],
)
async def test_a_large_head_is_refused(pieces: list[bytes]) -> None:
    async with serving() as gateway:
        answer = await sent(gateway, *pieces)
        assert await healthy(gateway)
    if answer:  # a reset may overtake it while the client still sends
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 431 ")
        assert json.loads(body)["code"] == "head_too_large"


async def test_a_head_below_the_limit_is_served() -> None:
    async with serving() as gateway:
        answer = await sent(
            gateway, HEAD + b"X: " + b"y" * 60_000 + b"\r\nConnection: close\r\n\r\n"
        )
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_trailers_without_end_are_refused() -> None:
    head = (
        f"POST /v1/search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {a_token()}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    async with serving() as gateway:
        async with asyncio.timeout(10):
            answer = await sent(gateway, head, b"0\r\nX: ", *[b"y" * 10_000] * 200)
        assert await healthy(gateway)
    assert not answer or answer.startswith(b"HTTP/1.1 431 ")


async def test_a_body_that_stops_is_closed() -> None:
    head = (
        f"POST /v1/search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {a_token()}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    ).encode()
    async with serving(body_idle_s=0.2) as gateway:
        began = time.monotonic()
        async with asyncio.timeout(10):
            answer = await sent(gateway, head, b'{"query": "q')
        assert time.monotonic() - began >= 0.2
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert await healthy(gateway)


async def test_a_body_that_comes_slowly_but_steadily_is_read() -> None:
    body = b'{"query": "' + b"q" * 20 + b'"}'
    head = (
        f"POST /v1/search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {a_token()}\r\n"
        "Connection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    async with serving(body_idle_s=2.0) as gateway:
        drops = [body[at : at + 1] for at in range(len(body))]
        answer = await sent(gateway, head, *drops, every_s=0.08)
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_long_answer_is_no_slow_request() -> None:
    async with serving(head_s=0.1, body_idle_s=0.1) as gateway:
        gateway.model.hang = lambda: asyncio.sleep(0.5)
        url = f"http://127.0.0.1:{gateway.service.server.port}/v1/chat"
        headers = {"Authorization": f"Bearer {a_token()}"}
        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
            for _ in range(2):  # the second one over the same connection
                response = await client.post(url, json={"question": "How much?"})
                assert "event: done" in response.text


async def test_one_connection_too_many_is_told_so() -> None:
    async with serving(connections=3) as gateway:
        port = gateway.service.server.port
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        answer = await sent(gateway)
        assert answer.startswith(b"HTTP/1.1 503 ")
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        await until(lambda: healthy(gateway))


async def test_a_long_token_is_refused_before_it_is_decoded(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify(*_: Any) -> Any:
        raise AssertionError("decoded")

    monkeypatch.setattr(Access, "verify", verify)
    async with gateway.client("x" * 8193) as client:
        response = await client.get("/v1/documents")
    assert response.status_code == 401
    assert "too long" in response.json()["detail"]
