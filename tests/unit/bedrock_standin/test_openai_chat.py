"""An OpenAI-compatible upstream, its usage and its errors."""

import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from compose.local.bedrock.chat import ChatRequest, Finish, ToolAnswer, ToolConfig, ToolUse
from compose.local.bedrock.errors import (
    ModelError,
    ThrottlingError,
    UnavailableError,
    ValidationError,
)
from compose.local.bedrock.openai_chat import OpenAIAnswerer

Handler = Callable[[httpx.Request], httpx.Response]


def request(**more: object) -> ChatRequest:
    messages = [{"role": "user", "content": [{"text": "two"}, {"text": "parts"}]}]
    return ChatRequest.model_validate({"messages": messages, **more})


async def pieces(handler: Handler, asked: ChatRequest) -> AsyncIterator[str | Finish]:
    transport = httpx.MockTransport(handler)
    async with httpx.AsyncClient(base_url="http://llm/v1", transport=transport) as client:
        async for piece in OpenAIAnswerer(client, "tiny").answer(asked):
            yield piece


async def everything(handler: Handler, asked: ChatRequest) -> list[str | Finish]:
    return [piece async for piece in pieces(handler, asked)]


def stream(*parts: dict[str, object]) -> Handler:
    lines = "".join(f"data: {json.dumps(part)}\n\n" for part in parts) + "data: [DONE]\n\n"
    return lambda _: httpx.Response(200, text=": hello\n\n" + lines)


def delta(text: str, finish: str | None = None) -> dict[str, object]:
    return {"choices": [{"delta": {"content": text}, "finish_reason": finish}]}


async def test_deltas_and_usage_are_the_upstreams() -> None:
    usage: dict[str, object] = {
        "choices": [],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7},
    }
    handler = stream(delta("Hel"), delta("lo", "length"), usage)
    assert await everything(handler, request()) == ["Hel", "lo", Finish("max_tokens", 11, 7)]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
async def test_a_line_separator_in_a_delta_ends_no_line(separator: str, line_end: str) -> None:
    parts = [delta(f"Forty{separator}euros"), delta("", "stop")]
    lines = [f"data: {json.dumps(part, ensure_ascii=False)}{line_end * 2}" for part in parts]
    said = await everything(lambda _: httpx.Response(200, text="".join(lines)), request())
    assert said[0] == f"Forty{separator}euros"


async def test_tokens_are_counted_when_the_upstream_does_not() -> None:
    *_, finish = await everything(stream(delta("one two three")), request())
    assert finish == Finish("end_turn", 2, 3)


async def test_the_request_is_mapped() -> None:
    seen: list[httpx.Request] = []

    def handler(got: httpx.Request) -> httpx.Response:
        seen.append(got)
        return httpx.Response(200, text="data: [DONE]\n\n")

    config = {"maxTokens": 5, "temperature": 0, "topP": 0.5, "stopSequences": ["END"]}
    await everything(handler, request(system=[{"text": "be brief"}], inferenceConfig=config))
    assert seen[0].url.path == "/v1/chat/completions"
    body = json.loads(seen[0].content)
    assert body.pop("stream_options") == {"include_usage": True}
    assert body == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "two\nparts"},
        ],
        "stream": True,
        "max_tokens": 5,
        "temperature": 0,
        "top_p": 0.5,
        "stop": ["END"],
    }


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, ThrottlingError),
        (503, UnavailableError),
        (500, UnavailableError),
        (404, ValidationError),
    ],
)
async def test_an_upstream_error_has_a_bedrock_name(status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="why"):
        await everything(lambda _: httpx.Response(status, text="why"), request())


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadError, httpx.ReadTimeout])
async def test_an_upstream_that_cannot_be_reached_or_breaks_off_is_unavailable(
    error: type[httpx.TransportError],
) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise error("refused")

    with pytest.raises(UnavailableError, match="RAGOPS_LLM_URL"):
        await everything(refuse, request())


@pytest.mark.parametrize("line", ["data: {oops\n\n", 'data: {"error": {"message": "oops"}}\n\n'])
async def test_a_broken_stream_is_a_model_error(line: str) -> None:
    text = f"data: {json.dumps(delta('He'))}\n\n{line}"
    answer = pieces(lambda _: httpx.Response(200, text=text), request())
    assert await anext(answer) == "He"
    with pytest.raises(ModelError, match="oops"):
        await anext(answer)


# -- tools

SCHEMA = {"type": "object", "properties": {"names": {"type": "array"}}}
TOOLS = {
    "tools": [
        {"toolSpec": {"name": "record", "description": "d", "inputSchema": {"json": SCHEMA}}}
    ],
    "toolChoice": {"tool": {"name": "record"}},
}


async def called(handler: Handler, tools: dict[str, object] | None = None) -> ToolAnswer:
    transport = httpx.MockTransport(handler)
    config = ToolConfig.model_validate(tools or TOOLS)
    async with httpx.AsyncClient(base_url="http://llm/v1", transport=transport) as client:
        return await OpenAIAnswerer(client, "tiny").call_tools(request(), config)


def completion(arguments: str, finish: str = "stop", **more: object) -> Handler:
    call = {"id": "c1", "type": "function", "function": {"name": "record", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = {"choices": [{"message": message, "finish_reason": finish}], **more}
    return lambda _: httpx.Response(200, json=body)


async def test_a_tools_call_comes_back_with_its_arguments_and_usage() -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 7}
    answer = await called(completion('{"names": ["Aurora"]}', usage=usage))
    assert answer.uses == (ToolUse("c1", "record", {"names": ["Aurora"]}),)
    assert answer.finish == Finish("tool_use", 11, 7)


async def test_the_tool_and_the_choice_are_mapped() -> None:
    seen: list[dict[str, object]] = []

    def handler(got: httpx.Request) -> httpx.Response:
        seen.append(json.loads(got.content))
        return completion("{}")(got)

    choices: list[dict[str, object]] = [{"tool": {"name": "record"}}, {"any": {}}, {"auto": {}}]
    for choice in choices:
        await called(handler, {**TOOLS, "toolChoice": choice})
    function = {"name": "record", "description": "d", "parameters": SCHEMA}
    assert [body["tools"] for body in seen] == [[{"type": "function", "function": function}]] * 3
    named = {"type": "function", "function": {"name": "record"}}
    assert [body["tool_choice"] for body in seen] == [named, "required", "auto"]
    assert all("stream" not in body for body in seen)


async def test_a_model_that_only_talks_calls_no_tool() -> None:
    message = {"content": "Sure!"}
    body = {"choices": [{"message": message, "finish_reason": "stop"}]}
    answer = await called(lambda _: httpx.Response(200, json=body))
    assert (answer.text, answer.uses) == ("Sure!", ())
    assert answer.finish == Finish("end_turn", 2, 2)


async def test_broken_arguments_are_a_model_error_unless_they_were_cut_off() -> None:
    with pytest.raises(ModelError, match="invalid sequence"):
        await called(completion('{"names": ["Aur'))
    answer = await called(completion('{"names": ["Aur', finish="length"))
    assert (answer.uses, answer.finish.stop_reason) == ((), "max_tokens")


@pytest.mark.parametrize(
    "text",
    ["no json", "[]", '{"choices": []}', '{"choices": [{}]}', '{"choices": [{"message": null}]}'],
)
async def test_an_answer_of_another_form_is_a_model_error(text: str) -> None:
    with pytest.raises(ModelError, match="another form"):
        await called(lambda _: httpx.Response(200, text=text))


async def test_a_refusal_of_tools_says_why() -> None:
    with pytest.raises(ValidationError, match="no tools here"):
        await called(lambda _: httpx.Response(400, text="no tools here"))
