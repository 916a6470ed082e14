"""Small questions to a server whether it is ready."""

import asyncio
import ssl
from contextlib import suppress

import httpx

from compose.local.ports import HOST

_TIMEOUT_S = 3.0
# Made once and without certificates, since nothing here is https: each probe would load them anew.
_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, verify=_TLS)


async def answers_http(url: str) -> bool:
    """True on 200; a refused connection, a timeout or another status is a no."""
    with suppress(httpx.HTTPError):
        async with _client() as client:
            return (await client.get(url)).status_code == httpx.codes.OK
    return False


async def answering_services(gateway: str) -> set[str]:
    """The services that answered the gateway's `/readyz` over their queues."""
    # While it starts it may answer with a problem document instead.
    with suppress(httpx.HTTPError, ValueError, KeyError):
        async with _client() as client:
            states = (await client.get(f"{gateway}/readyz")).json()["services"]
        return {name for name, state in states.items() if state == "ok"}
    return set()


async def answers_valkey(port: int, password: str) -> bool:
    """True when PING is answered: while it loads its file it answers LOADING."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(f"AUTH {password}\r\nPING\r\n".encode())
                return [await reader.readline() for _ in range(2)][1].startswith(b"+PONG")
            finally:
                writer.close()
    return False
