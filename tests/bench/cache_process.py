"""`bare` or `gateway`, and a Redis: serves cached answers, prints its port, runs until killed."""

import socket
import sys

import uvicorn
from fastapi import FastAPI, Response
from redis.asyncio import Redis

from contracts.retrieval.audience import AudienceAnsweredV1, AudienceRequestedV1
from contracts.retrieval.search import SearchRequestedV1
from shared.lifecycle import keep_for_good
from shared.observability import configure_logs, configure_traces
from tests.bench.gateway_process import PIECES, TEXT
from tests.unit.gateway.fakes import a_hit, an_answered_search, open_gateway


async def gateway(redis_url: str) -> None:
    """Bus and ledger are fakes; session and answers are in the Redis."""
    async with open_gateway(answers=None, redis_cache_url=redis_url, drain_s=1) as opened:
        opened.model.pieces = PIECES
        hits = [a_hit(n, TEXT) for n in range(1, 9)]
        opened.requester.answers[SearchRequestedV1] = an_answered_search(*hits)
        opened.requester.answers[AudienceRequestedV1] = AudienceAnsweredV1(visible_to=())
        keep_for_good()
        print(opened.service.server.port, flush=True)
        await opened.service.server.run()


async def bare(redis_url: str) -> None:
    """A value of the size of an answer with eight sources."""
    redis, app = Redis.from_url(redis_url), FastAPI()
    await redis.set("answer", (TEXT * 10).encode())

    @app.get("/answers/{key}")
    async def answer(key: str) -> Response:
        return Response(await redis.get("answer"), media_type="application/json")

    listener = socket.create_server(("127.0.0.1", 0))
    keep_for_good()
    print(listener.getsockname()[1], flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    await server.serve([listener])


if __name__ == "__main__":
    configure_logs("gateway", "WARNING")
    configure_traces("gateway", None)
    import uvloop

    uvloop.run({"bare": bare, "gateway": gateway}[sys.argv[1]](sys.argv[2]))
