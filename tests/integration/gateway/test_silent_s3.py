"""An upload while S3 takes connections and never answers."""

import asyncio
import time

import httpx
from pydantic import SecretStr

from services.gateway.bootstrap import bootstrap
from services.gateway.settings import GatewaySettings
from shared.testing.fakes import no_bus
from tests.unit.gateway.fakes import SECRET, Gateway, a_token, price

CALL_S = 0.5


async def test_an_upload_ends_with_503_when_s3_is_silent() -> None:
    gateway, reached, over = Gateway(), asyncio.Event(), asyncio.Event()

    async def never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await over.wait()
        writer.close()

    silent = await asyncio.start_server(never, "127.0.0.1", 0)
    settings = GatewaySettings(
        port=0,
        token_secret=SecretStr(SECRET),
        answer_models=("first",),
        aws_endpoint_url=f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}",
        call_s=CALL_S,
    )
    opened = bootstrap(
        settings,
        bus=no_bus(),
        requester=gateway.requester,
        publisher=gateway.publisher,
        model=gateway.model,
        price=price,
        sessions=gateway.sessions,
        notes=gateway.notes,
        ledger=gateway.ledger,
    )
    async with opened as service:
        transport = httpx.ASGITransport(service.app)
        headers = {"Authorization": f"Bearer {a_token()}"}
        async with httpx.AsyncClient(transport=transport, headers=headers) as client:
            began = time.monotonic()
            response = await client.post("http://g/v1/documents", files={"file": ("a.md", b"x")})
    assert reached.is_set()
    assert time.monotonic() - began >= CALL_S
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert response.headers["retry-after"] == "2"
    assert "s3" not in response.json()["detail"].lower()
    assert gateway.publisher.sent == []
    over.set()
    silent.close()
    await silent.wait_closed()
