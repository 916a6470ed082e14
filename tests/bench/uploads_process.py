"""A gateway over fakes, but for S3: an HTTP server that takes parts and forgets them."""

import asyncio
import re

import uvloop
from pydantic import SecretStr

from services.gateway.bootstrap import bootstrap
from services.gateway.settings import GatewaySettings
from shared.observability import configure_logs, configure_traces
from shared.testing.fakes import no_bus
from tests.unit.gateway.fakes import SECRET, Gateway, price

_BEGUN = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
_ENDED = b'<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>'


async def _s3(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """So much of S3's interface as an upload in parts needs, without keeping a byte."""
    while head := await _head(reader):
        line, _, fields = head.partition(b"\r\n")
        if b"100-continue" in fields.lower():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        size = re.search(rb"(?i)content-length: *(\d+)", fields)
        left = int(size[1]) if size else 0
        while left:
            left -= len(await reader.read(min(left, 65_536)))
        body = _BEGUN if b"uploads" in line else _ENDED if line.startswith(b"POST") else b""
        answer = b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: %d\r\n\r\n' % len(body)
        writer.write(answer + body)
        await writer.drain()
    writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def main() -> None:
    s3 = await asyncio.start_server(_s3, "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{s3.sockets[0].getsockname()[1]}"
    settings = GatewaySettings(
        port=0,
        token_secret=SecretStr(SECRET),
        answer_models=("first",),
        aws_endpoint_url=endpoint,
        upload_wait_s=300,
        call_s=60,
        drain_s=1,
    )
    fakes = Gateway()
    opened = bootstrap(
        settings,
        bus=no_bus(),
        requester=fakes.requester,
        publisher=fakes.publisher,
        model=fakes.model,
        price=price,
        sessions=fakes.sessions,
        notes=fakes.notes,
        ledger=fakes.ledger,
    )
    async with opened as service:
        print(service.server.port, flush=True)
        await service.server.run()


if __name__ == "__main__":
    configure_logs("gateway", "WARNING")
    configure_traces("gateway", None)
    uvloop.run(main())
