"""The gateway's memory while 20 uploads of 40 MB come in at once, over HTTP and a real S3 API."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import psutil

from tests.bench.child import started
from tests.bench.figures import Figure
from tests.unit.gateway.fakes import a_token

UPLOADS = 20
FILE_BYTES = 40 * 1024 * 1024
LIMIT_MB = 64.0
_CHUNK = b"x" * 65_536
_HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="%d.txt"\r\n\r\n'
_EVERY_S = 0.02


async def measure() -> list[Figure]:
    async with started("uploads_process") as (port, process):
        grown_mb = await _grown_mb(port, process)
    about = f"{UPLOADS} uploads of {FILE_BYTES >> 20} MB at once"
    return [Figure("gateway memory for uploads", grown_mb, LIMIT_MB, "MB", False, about)]


async def _grown_mb(port: int, process: psutil.Process) -> float:
    headers = {
        "Authorization": f"Bearer {a_token()}",
        "Content-Type": "multipart/form-data; boundary=b",
    }
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=300) as client:
        await _upload(client, 0, 12 * 1024 * 1024)  # imports, pools, and the way in parts
        before = process.memory_info().rss
        highest = before
        uploads = asyncio.gather(*(_upload(client, n, FILE_BYTES) for n in range(UPLOADS)))
        while not uploads.done():
            highest = max(highest, process.memory_info().rss)
            await asyncio.sleep(_EVERY_S)
        await uploads
    return (highest - before) / 1024 / 1024


async def _upload(client: httpx.AsyncClient, n: int, size: int) -> None:
    response = await client.post("/v1/documents", content=_body(n, size))
    assert response.status_code == 202, response.text


async def _body(n: int, size: int) -> AsyncIterator[bytes]:
    yield _HEAD % n
    for _ in range(0, size, len(_CHUNK)):
        yield _CHUNK
    yield b"\r\n--b--\r\n"
