"""Plays every failure of a model, for tests: the question says which one, as in `{{fault:cut}}`."""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping

from compose.local.bedrock.chat import (
    Answerer,
    ChatRequest,
    Finish,
    StopReason,
    ToolAnswer,
    ToolConfig,
)
from compose.local.bedrock.errors import BedrockError

_WANTED = re.compile(r"\{\{fault:(\w+)\}\}")
BLOCKED = "Your request was blocked by a guardrail."
# Instead of an answer, (HTTP status, error).
REFUSALS: Mapping[str, tuple[int, str]] = {
    "throttled": (429, "ThrottlingException"),
    "not_ready": (429, "ModelNotReadyException"),
    "timeout": (408, "ModelTimeoutException"),
    "model_error": (424, "ModelErrorException"),
    "internal": (500, "InternalServerException"),
    "unavailable": (503, "ServiceUnavailableException"),
    "denied": (403, "AccessDeniedException"),
}
# In the stream; with `_late` after the first piece.
BREAKS: Mapping[str, str] = {
    "stream_throttled": "ThrottlingException",
    "stream_model_error": "ModelStreamErrorException",
    "stream_internal": "InternalServerException",
    "stream_unavailable": "ServiceUnavailableException",
    "stream_invalid": "ValidationException",
}
# How an answer ends that is not whole.
ENDINGS: Mapping[str, tuple[str, StopReason]] = {
    "guardrail": (BLOCKED, "guardrail_intervened"),
    "filtered": ("", "content_filtered"),
    "length": ("The first words of", "max_tokens"),
}
SLOW_S = 0.2


class Cut(Exception):
    """The connection ends in the middle of the stream."""


class Refusal(BedrockError):
    """An error under any name and status."""

    def __init__(self, status: int, name: str) -> None:
        super().__init__(f"{name}, as asked for by a test")
        self.status, self.name = status, name


class FaultyAnswerer:
    """Answers like `inner` where the last message asks for no fault."""

    def __init__(self, inner: Answerer) -> None:
        self._inner = inner

    async def answer(self, request: ChatRequest) -> AsyncGenerator[str | Finish, None]:
        found = _WANTED.search(request.prompt)
        name = found[1] if found else ""
        if name in REFUSALS:
            raise Refusal(*REFUSALS[name])
        if name in ENDINGS:
            text, reason = ENDINGS[name]
            if text:
                yield text
            yield Finish(reason, 10, len(text.split()))
            return
        async for piece in self._inner.answer(request):
            if name == "slow":
                await asyncio.sleep(SLOW_S)
            early = name in BREAKS or name in ("cut", "silence")
            if early and isinstance(piece, str):
                # An empty piece opens the stream, but is no token.
                yield ""
                await _break(name)
            yield piece
            await _break(name.removesuffix("_late"))

    async def call_tools(self, request: ChatRequest, config: ToolConfig) -> ToolAnswer:
        return await self._inner.call_tools(request, config)


async def _break(name: str) -> None:
    if name in BREAKS:
        raise Refusal(500, BREAKS[name])
    if name == "cut":
        raise Cut
    if name == "silence":
        await asyncio.Event().wait()
