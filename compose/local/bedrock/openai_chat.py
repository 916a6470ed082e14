"""The answerer for any OpenAI-compatible address: Ollama, vLLM, llama.cpp."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx

from compose.local.bedrock.chat import ChatRequest, Finish, StopReason, ToolAnswer, ToolConfig
from compose.local.bedrock.encoder import word_pieces
from compose.local.bedrock.errors import (
    BedrockError,
    ModelError,
    ThrottlingError,
    UnavailableError,
    ValidationError,
)
from compose.local.bedrock.openai_tools import tools_of, uses_in

STOP_REASONS: dict[str, StopReason] = {
    "length": "max_tokens",
    "content_filter": "content_filtered",
}


class OpenAIAnswerer:
    """Streams chat completions; usage is the upstream's own, counted here when it gives none."""

    def __init__(self, client: httpx.AsyncClient, model: str) -> None:
        self._client = client
        self._model = model

    async def answer(self, request: ChatRequest) -> AsyncGenerator[str | Finish, None]:
        """Deltas as they come. Raises BedrockError."""
        body = request_body(self._model, request)
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        finish: StopReason = "end_turn"
        usage: dict[str, Any] = {}
        said: list[str] = []
        try:
            async with self._client.stream("POST", "chat/completions", json=body) as response:
                await _raise_for(response)
                async for part in _parts(response):
                    usage = part.get("usage") or usage
                    for choice in part.get("choices") or []:
                        finish = STOP_REASONS.get(choice.get("finish_reason") or "", finish)
                        if text := (choice.get("delta") or {}).get("content"):
                            said.append(text)
                            yield text
        except httpx.HTTPError as error:
            raise _failed(error) from error
        yield _finish(finish, usage, body, "".join(said))

    async def call_tools(self, request: ChatRequest, config: ToolConfig) -> ToolAnswer:
        """In one piece: not every server streams a tool's call.

        Raises BedrockError.
        """
        body = request_body(self._model, request) | tools_of(config)
        try:
            async with self._client.stream("POST", "chat/completions", json=body) as response:
                await _raise_for(response)
                answer = json.loads(await response.aread())
            choice = answer["choices"][0]
            message = dict(choice["message"])
        except httpx.HTTPError as error:
            raise _failed(error) from error
        except (ValueError, LookupError, TypeError) as error:
            raise ModelError(f"The language model's answer has another form: {error!r}") from error
        finish = STOP_REASONS.get(choice.get("finish_reason") or "", "end_turn")
        uses = tuple(uses_in(message, cut_off=finish == "max_tokens"))
        said = [message.get("content") or "", *(json.dumps(use.input) for use in uses)]
        if uses and finish == "end_turn":
            finish = "tool_use"
        return ToolAnswer(
            said[0], uses, _finish(finish, answer.get("usage") or {}, body, "".join(said))
        )


def request_body(model: str, request: ChatRequest) -> dict[str, Any]:
    """The chat-completions body for a Converse request."""
    system = request.system_text
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": m.role, "content": m.text} for m in request.messages]
    config = request.inference_config
    options = {
        "max_tokens": config.max_tokens,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "stop": config.stop_sequences or None,
    }
    return {
        "model": model,
        "messages": messages,
        **{name: value for name, value in options.items() if value is not None},
    }


async def _raise_for(response: httpx.Response) -> None:
    if response.is_success:
        return
    detail = (await response.aread()).decode(errors="replace")[:500]
    if response.status_code == 429:
        raise ThrottlingError(f"The language model is busy: {detail}")
    refused = httpx.codes.is_client_error(response.status_code)
    kind = ValidationError if refused else UnavailableError
    raise kind(f"The language model answered {response.status_code}: {detail}")


def _failed(error: httpx.HTTPError) -> BedrockError:
    return UnavailableError(f"The language model at RAGOPS_LLM_URL failed: {error!r}")


def _finish(reason: StopReason, usage: dict[str, Any], body: dict[str, Any], said: str) -> Finish:
    return Finish(
        reason,
        usage.get("prompt_tokens") or _counted(m["content"] for m in body["messages"]),
        usage.get("completion_tokens") or len(word_pieces(said)),
    )


async def _parts(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in _lines(response):
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data == "[DONE]":
            continue
        try:
            part = json.loads(data)
        except ValueError as error:
            raise ModelError(f"The language model sent what is no JSON: {data[:200]}") from error
        if "error" in part:
            raise ModelError(f"The language model failed: {json.dumps(part['error'])[:500]}")
        yield part


async def _lines(response: httpx.Response) -> AsyncIterator[str]:
    """Lines as server-sent events have them; httpx would end one at U+2028 or U+0085 too."""
    held = b""
    async for data in response.aiter_bytes():
        *lines, held = (held + data).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").rstrip("\r")
    yield held.decode(errors="replace")


def _counted(texts: Any) -> int:
    return sum(len(word_pieces(text)) for text in texts)
