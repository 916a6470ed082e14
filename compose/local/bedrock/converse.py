"""Converse and ConverseStream."""

import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from compose.local.bedrock.chat import Answerer, ChatRequest, Finish, ToolAnswer
from compose.local.bedrock.errors import BedrockError, ModelError, ValidationError
from compose.local.bedrock.eventstream import event, exception

MEDIA_TYPE = "application/vnd.amazon.eventstream"
STREAM_ERRORS = {
    "ValidationException",
    "ThrottlingException",
    "InternalServerException",
    "ServiceUnavailableException",
}
NO_STREAMED_TOOLS = (
    "toolConfig is carried to the language model by Converse alone: leave it out of ConverseStream."
)


# Raises BedrockError for a model id that is not served.
Served = Callable[[str], None]


def converse_routes(answerer: Answerer, served: Served = lambda _: None) -> APIRouter:
    """Both calls over one answerer. The model id may hold slashes: it can be an ARN."""
    router = APIRouter()

    @router.post("/model/{model_id:path}/converse")
    async def converse(model_id: str, request: ChatRequest) -> dict[str, Any]:
        begun = time.perf_counter()
        served(model_id)
        if request.tool_config is not None:
            called = await answerer.call_tools(request, request.tool_config)
            return _answer(_blocks(called), called.finish, begun)
        pieces = [piece async for piece in answerer.answer(request)]
        text = "".join(piece for piece in pieces if isinstance(piece, str))
        finish = next(piece for piece in pieces if isinstance(piece, Finish))
        return _answer([{"text": text}], finish, begun)

    @router.post("/model/{model_id:path}/converse-stream")
    async def converse_stream(model_id: str, request: ChatRequest) -> StreamingResponse:
        begun = time.perf_counter()
        served(model_id)
        if request.tool_config is not None:
            raise ValidationError(NO_STREAMED_TOOLS)
        pieces = answerer.answer(request)
        # An error before the first piece is an HTTP error, as Bedrock gives it.
        first = await anext(pieces)
        return StreamingResponse(_frames(first, pieces, begun), media_type=MEDIA_TYPE)

    return router


def _blocks(called: ToolAnswer) -> list[dict[str, Any]]:
    said = [{"text": called.text}] if called.text else []
    uses = [{"toolUseId": use.id, "name": use.name, "input": use.input} for use in called.uses]
    return [*said, *({"toolUse": use} for use in uses)]


def _answer(content: list[dict[str, Any]], finish: Finish, begun: float) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": finish.stop_reason,
        **_measured(finish, begun),
    }


async def _frames(
    first: str | Finish, rest: AsyncGenerator[str | Finish, None], begun: float
) -> AsyncIterator[bytes]:
    yield event("messageStart", {"role": "assistant"})
    # A caller who leaves ends the upstream's stream too.
    async with aclosing(rest):
        try:
            for frame in _frames_of(first, begun):
                yield frame
            async for piece in rest:
                for frame in _frames_of(piece, begun):
                    yield frame
        except BedrockError as error:
            yield _failure(error)


def _frames_of(piece: str | Finish, begun: float) -> list[bytes]:
    if isinstance(piece, str):
        body = {"delta": {"text": piece}, "contentBlockIndex": 0}
        return [event("contentBlockDelta", body)]
    return [
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": piece.stop_reason}),
        event("metadata", _measured(piece, begun)),
    ]


def _failure(error: BedrockError) -> bytes:
    name = "ModelStreamErrorException" if isinstance(error, ModelError) else error.name
    if name not in STREAM_ERRORS:
        name = "ModelStreamErrorException"
    return exception(re.sub("^.", lambda m: m[0].lower(), name), str(error))


def _measured(finish: Finish, begun: float) -> dict[str, Any]:
    usage = {
        "inputTokens": finish.input_tokens,
        "outputTokens": finish.output_tokens,
        "totalTokens": finish.input_tokens + finish.output_tokens,
    }
    milliseconds = int((time.perf_counter() - begun) * 1000)
    return {"usage": usage, "metrics": {"latencyMs": milliseconds}}
