"""Clients that hold connections open with slow or endless headers do not keep others out."""

import asyncio
import time

import httpx
import pytest

from compose.local.system import System
from shared.testing.probe import until

SOCKETS = 200
CLOSED_S = 15.0
SERVED_S = 5.0
HEADER_BYTES = 1024 * 1024
BYTE_EVERY_S = 1.0


async def test_200_slow_headers_are_cut_while_others_are_served(system: System) -> None:
    began = time.monotonic()
    drips = [asyncio.create_task(_drip(system, began)) for _ in range(SOCKETS)]
    try:
        async with httpx.AsyncClient(base_url=system.url, trust_env=False) as http:
            served: list[float] = []
            while not all(drip.done() for drip in drips):
                asked = time.monotonic()
                assert (await http.get("/healthz")).status_code == httpx.codes.OK
                served.append(time.monotonic() - asked)
                assert asked - began < CLOSED_S + 5, sum(not drip.done() for drip in drips)
                await asyncio.sleep(0.2)
    finally:
        for drip in drips:
            drip.cancel()
    closed = [drip.result() for drip in drips]
    print(
        f"\n{SOCKETS} slow clients closed after {min(closed):.1f} to {max(closed):.1f} s; "
        f"others served {len(served)} times within {max(served) * 1000:.0f} ms"
    )
    assert min(closed) > BYTE_EVERY_S  # they were let in, and were slow
    assert max(closed) < CLOSED_S
    assert max(served) < SERVED_S


async def _drip(system: System, began: float) -> float:
    """A byte of a header each second; seconds from `began` until the server closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", system.plan.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: slow\r\nX-Slow: ")
    closed = asyncio.create_task(_ended(reader))
    try:
        while not closed.done():
            writer.write(b"a")
            await asyncio.wait({closed}, timeout=BYTE_EVERY_S)
    finally:
        closed.cancel()
        writer.close()
    return time.monotonic() - began


async def _ended(reader: asyncio.StreamReader) -> bytes:
    """What the server said before it closed; nothing when it reset the connection."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


@pytest.mark.parametrize("name", ["X-Large", "Authorization"])
async def test_a_header_of_a_mebibyte_is_refused_or_cut(system: System, name: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", system.plan.port)
    said = asyncio.create_task(_ended(reader))
    # Without `Connection: close` only the server's own wish ends the connection.
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: large\r\n{name}: ".encode())
    writer.write(b"a" * HEADER_BYTES + b"\r\n\r\n")
    try:
        await until(said.done, CLOSED_S, 0.05)
    finally:
        said.cancel()
        writer.close()
    assert said.result() == b"" or said.result().startswith(b"HTTP/1.1 431 ")
