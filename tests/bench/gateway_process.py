"""A process of the bench `gateway`: the gateway over fakes, or a bare stream. Prints its port.

The ledger alone is real: talking to Redis is a part of a turn's work.
"""

import json
import socket
import sys
from collections.abc import AsyncIterator
from decimal import Decimal

import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from contracts.retrieval.search import SearchRequestedV1
from services.gateway.models.tenant import Limits, TenantSettings
from services.gateway.store.ledger_store import LedgerStore
from shared.lifecycle import keep_for_good
from shared.observability import configure_logs, configure_traces
from tests.unit.gateway.fakes import a_hit, an_answered_search, open_gateway

# Eight sources and forty pieces of text: an ordinary answer.
TEXT = "The allowance is forty euros a day, paid with the salary of the next month. " * 12
PIECES = (*(f"word {n} of the answer " for n in range(38)), "[", "1", "] and [2].")


async def gateway(redis_url: str) -> None:
    ledger = LedgerStore(Redis.from_url(redis_url), 60)
    await ledger.begin("now")
    limits = Limits(usd_month=Decimal(10**6), tokens_day=10**9)
    await ledger.put_settings("acme", TenantSettings(limits=limits))
    async with open_gateway(drain_s=1, ledger=ledger) as made:
        made.model.pieces = PIECES
        hits = [a_hit(n, TEXT) for n in range(1, 9)]
        made.requester.answers[SearchRequestedV1] = an_answered_search(*hits)
        keep_for_good()
        print(made.service.server.port, flush=True)
        await made.service.server.run()


async def bare() -> None:
    """The same pieces as server-sent events, and nothing else."""

    async def chat(request: Request) -> StreamingResponse:
        await request.json()

        async def events() -> AsyncIterator[str]:
            for piece in PIECES:
                yield f"event: token\ndata: {json.dumps({'text': piece})}\n\n"
            yield "event: done\ndata: {}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/v1/chat", chat, methods=["POST"])])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        keep_for_good()
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    configure_logs("gateway", "WARNING")
    configure_traces("gateway", None)
    import uvloop

    match sys.argv[1:]:
        case ["gateway", url]:
            uvloop.run(gateway(url))
        case _:
            uvloop.run(bare())
