"""A process of the bench `streams`: the model, the bare forwarder, or the gateway. Prints its port.

The model's name says its pace: `p300x15` waits 300 ms for the first token and 15 ms for each other.
"""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from compose.local.bedrock.converse import MEDIA_TYPE
from compose.local.bedrock.eventstream import event
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.settings import GatewaySettings
from shared.aws import INTERACTIVE, Clients
from shared.bedrock import open_model
from shared.lifecycle import keep_for_good
from shared.observability import configure_logs, configure_traces
from tests.bench.gateway_process import TEXT
from tests.unit.gateway.fakes import SECRET, a_hit, an_answered_search, open_gateway

TOKENS = 150
PACES = ("p300x15", "p0x10")
CONNECTIONS = 512


async def _speak(request: Request) -> StreamingResponse:
    first_ms, each_ms = map(int, request.path_params["model"].removeprefix("p").split("x"))

    async def frames() -> AsyncIterator[bytes]:
        yield event("messageStart", {"role": "assistant"})
        await asyncio.sleep(first_ms / 1000)
        for n in range(TOKENS):
            text = "The [1]" if n == 0 else f" word{n}"
            delta = {"delta": {"text": text}, "contentBlockIndex": 0}
            yield event("contentBlockDelta", delta)
            await asyncio.sleep(each_ms / 1000)
        yield event("contentBlockStop", {"contentBlockIndex": 0})
        yield event("messageStop", {"stopReason": "end_turn"})
        usage = {"inputTokens": 900, "outputTokens": TOKENS, "totalTokens": 900 + TOKENS}
        yield event("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})

    return StreamingResponse(frames(), media_type=MEDIA_TYPE)


async def model() -> None:
    await _serve(
        Starlette(routes=[Route("/model/{model}/converse-stream", _speak, methods=["POST"])])
    )


async def forwarder(url: str) -> None:
    """No more than aiobotocore's events as server-sent ones."""
    async with AsyncExitStack() as stack:
        clients = Clients(stack, _settings(url))
        client = await clients.open(
            "bedrock-runtime", retries=INTERACTIVE, connections=CONNECTIONS, endpoint_url=url
        )

        async def chat(request: Request) -> StreamingResponse:
            body = await request.json()
            content = [{"text": f"{TEXT * 8} {body['question']}"}]
            answer = await client.converse_stream(
                modelId=body["model"], messages=[{"role": "user", "content": content}]
            )

            async def events() -> AsyncIterator[str]:
                async for one in answer["stream"]:
                    if "contentBlockDelta" in one:
                        text = one["contentBlockDelta"]["delta"]["text"]
                        yield f"event: token\ndata: {json.dumps({'text': text})}\n\n"
                yield "event: done\ndata: {}\n\n"

            return StreamingResponse(events(), media_type="text/event-stream")

        await _serve(Starlette(routes=[Route("/v1/chat", chat, methods=["POST"])]))


async def gateway(url: str) -> None:
    settings = _settings(url)
    async with (
        open_model(settings, streams=CONNECTIONS) as opened,
        open_gateway(drain_s=1, model=opened, answer_models=PACES, rerank_model=None) as made,
    ):
        hits = [a_hit(n, TEXT) for n in range(1, 9)]
        made.requester.answers[SearchRequestedV1] = an_answered_search(*hits)
        keep_for_good()
        print(made.service.server.port, flush=True)
        await made.service.server.run()


def _settings(url: str) -> GatewaySettings:
    prices = dict.fromkeys(PACES, (1, 1))
    known = {"token_secret": SECRET, "bedrock_endpoint_url": url, "prices": prices}
    return GatewaySettings.model_validate(known)


async def _serve(app: Starlette) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS) as listener:
        keep_for_good()
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    configure_logs("gateway", "ERROR")
    configure_traces("gateway", None)
    import uvloop

    match sys.argv[1:]:
        case ["forwarder", url]:
            uvloop.run(forwarder(url))
        case ["gateway", url]:
            uvloop.run(gateway(url))
        case _:
            uvloop.run(model())
