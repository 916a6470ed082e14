"""The answerer for any OpenAI-compatible address: Ollama, vLLM, llama.cpp."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx

from compose.local.bedrock.chat import ChatRequest, Finish, StopReason
from compose.local.bedrock.encoder import word_pieces
from compose.local.bedrock.errors import ModelError, ThrottlingError, ValidationError

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
        """Deltas as they come. Raises ThrottlingError, ModelError, ValidationError."""
        body = request_body(self._model, request)
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
            raise ModelError(f"The language model at RAGOPS_LLM_URL failed: {error!r}") from error
        yield Finish(
            finish,
            usage.get("prompt_tokens") or _counted(m["content"] for m in body["messages"]),
            usage.get("completion_tokens") or len(word_pieces("".join(said))),
        )


def request_body(model: str, request: ChatRequest) -> dict[str, Any]:
    """The chat-completions body for a Converse request."""
    if request.tool_config is not None:
        raise ValidationError("toolConfig is not carried to the local model: leave it out.")
    system = "\n".join(block.text for block in request.system)
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
        "stream": True,
        "stream_options": {"include_usage": True},
        **{name: value for name, value in options.items() if value is not None},
    }


async def _raise_for(response: httpx.Response) -> None:
    if response.is_success:
        return
    detail = (await response.aread()).decode(errors="replace")[:500]
    if response.status_code == 429:
        raise ThrottlingError(f"The language model is busy: {detail}")
    raise ModelError(f"The language model answered {response.status_code}: {detail}")


async def _parts(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
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


def _counted(texts: Any) -> int:
    return sum(len(word_pieces(text)) for text in texts)
