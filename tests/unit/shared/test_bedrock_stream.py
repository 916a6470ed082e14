"""What breaks a ConverseStream, in real event-stream bytes, before and after the first token."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from aiobotocore.eventstream import AioEventStream
from aiobotocore.parsers import create_parser
from botocore.exceptions import ClientError
from botocore.session import get_session
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from compose.local.bedrock.eventstream import event, exception
from shared.bedrock import BedrockModel, PriceList
from shared.errors import Unavailable
from shared.ports import ChatMessage, ModelReport, Tool
from tests.unit.shared.fake_aws import client_error

CANARY = "a-very-private-sentence"
MODEL = "amazon.nova-lite-v1:0"
TEXT = event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}})
START = event("messageStart", {"role": "assistant"})
STOP = event("messageStop", {"stopReason": "end_turn"})
USAGE = {"inputTokens": 7, "outputTokens": 2, "totalTokens": 9}
METADATA = event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}})
SILENT = b""


class Body:
    """aiohttp's answer as AioEventStream reads it: chunks, an error, or silence."""

    def __init__(self, chunks: Sequence[bytes | Exception]) -> None:
        self._chunks, self.closed = chunks, False
        self.content = self

    async def iter_chunks(self) -> AsyncIterator[tuple[bytes, bool]]:
        for chunk in self._chunks:
            await asyncio.sleep(0)
            if isinstance(chunk, Exception):
                raise chunk
            if chunk is SILENT:
                await asyncio.Event().wait()
            yield chunk, True

    def close(self) -> None:
        self.closed = True


@cache
def shape() -> Any:
    service = get_session().get_service_model("bedrock-runtime")
    return service.operation_model("ConverseStream").get_event_stream_output()


class Runtime:
    """boto's client: a stream of `chunks`, or an error at once."""

    def __init__(self, *chunks: bytes | Exception, error: Exception | None = None) -> None:
        self.body, self._error = Body(chunks), error

    async def converse_stream(self, **_: Any) -> dict[str, Any]:
        if self._error:
            raise self._error
        parser = create_parser("rest-json")._event_stream_parser
        return {"stream": AioEventStream(self.body, shape(), parser, "ConverseStream")}

    async def converse(self, **_: Any) -> dict[str, Any]:
        assert self._error is not None
        raise self._error


def model(runtime: Runtime, silence_s: float = 5.0) -> BedrockModel:
    return BedrockModel(runtime, None, PriceList(), "us-east-1", 1024, silence_s=silence_s)


async def read(runtime: Runtime, silence_s: float = 5.0) -> tuple[list[object], Exception | None]:
    """What came, and what ended it."""
    came: list[object] = []
    try:
        async for item in model(runtime, silence_s).converse(
            MODEL, "system", [ChatMessage("user", "question")], 10
        ):
            came.append(item)  # noqa: PERF401 (what came before an error counts)
    except Exception as error:  # noqa: BLE001 (it is what the test is about)
        return came, error
    return came, None


async def test_a_whole_stream_ends_with_its_report() -> None:
    runtime = Runtime(START + TEXT, TEXT + STOP, METADATA)
    came, error = await read(runtime)
    assert error is None
    cost = PriceList().cost(MODEL, 7, 2)
    assert came == ["Hello", "Hello", ModelReport(MODEL, 7, 2, cost, stop_reason="end_turn")]
    assert runtime.body.closed


CODES = (
    *("throttlingException", "modelStreamErrorException", "internalServerException"),
    "serviceUnavailableException",
)
# botocore drops a code that the operation's model does not have.
UNMODELLED = ("modelTimeoutException", "somethingNew")
BEFORE, AFTER = START, START + TEXT


@pytest.mark.parametrize("before", [BEFORE, AFTER], ids=["before a token", "after a token"])
@pytest.mark.parametrize("code", CODES + UNMODELLED)
async def test_an_error_inside_the_stream_is_an_outage(code: str, before: bytes) -> None:
    runtime = Runtime(before, exception(code, CANARY))
    came, error = await read(runtime)
    assert came == (["Hello"] if before is AFTER else [])
    assert isinstance(error, Unavailable)
    assert error.dependency == "bedrock"
    assert ("EventStreamError" if code in UNMODELLED else code) in str(error)
    assert CANARY not in str(error)
    assert runtime.body.closed


@pytest.mark.parametrize("before", [BEFORE, AFTER], ids=["before a token", "after a token"])
async def test_an_invalid_request_is_the_callers_fault(before: bytes) -> None:
    runtime = Runtime(before, exception("validationException", "too long"))
    _, error = await read(runtime)
    assert isinstance(error, ClientError)
    assert runtime.body.closed


class PayloadError(Exception):
    """aiohttp's, when the connection is cut."""

    __module__ = "aiohttp.client_exceptions"


TORN = bytearray(TEXT)
TORN[-1] ^= 0xFF


@pytest.mark.parametrize("before", [BEFORE, AFTER], ids=["before a token", "after a token"])
@pytest.mark.parametrize(
    "breaks",
    [PayloadError(CANARY), ConnectionResetError(CANARY), bytes(TORN), TEXT[:20], None, SILENT],
    ids=["cut", "reset", "wrong checksum", "half an event", "early end", "silence"],
)
async def test_whatever_breaks_a_stream_is_an_outage(
    breaks: bytes | Exception | None, before: bytes
) -> None:
    runtime = Runtime(before, *([] if breaks is None else [breaks]))
    came, error = await read(runtime, silence_s=0.1)
    assert came == (["Hello"] if before is AFTER else [])
    assert isinstance(error, Unavailable)
    assert error.dependency == "bedrock"
    assert CANARY not in str(error)
    assert runtime.body.closed


async def test_silence_is_measured_between_two_events() -> None:
    class Slow(Body):
        async def iter_chunks(self) -> AsyncIterator[tuple[bytes, bool]]:
            async for chunk in super().iter_chunks():
                await asyncio.sleep(0.15)
                yield chunk

    runtime = Runtime()
    runtime.body = Slow([START, TEXT, TEXT, TEXT, STOP, METADATA])
    came, error = await read(runtime, silence_s=0.6)  # in all longer than that
    assert error is None
    assert len(came) == 4


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (client_error("ThrottlingException", 429), True),
        (client_error("ModelErrorException", 424), True),
        (client_error("ModelNotReadyException", 429), True),
        (client_error("ValidationException"), False),
        (client_error("AccessDeniedException", 403), False),
    ],
)
async def test_an_error_before_the_stream(error: ClientError, outage: bool) -> None:
    _, found = await read(Runtime(error=error))
    assert isinstance(found, Unavailable if outage else ClientError)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("ModelErrorException", None), ("ThrottlingException", Unavailable)],
)
async def test_a_tool_call_that_broke_inside_the_model_is_an_answer_without_arguments(
    code: str, outcome: type[Exception] | None
) -> None:
    asking = model(Runtime(error=client_error(code))).call_tool(
        MODEL, "system", "text", Tool("t", "d", {}), 10
    )
    if outcome is not None:
        with pytest.raises(outcome):
            await asking
        return
    answer = await asking
    assert answer.arguments is None
    assert (answer.report.input_tokens, answer.report.cost_usd) == (0, Decimal(0))


async def test_a_reader_that_leaves_closes_the_stream() -> None:
    runtime = Runtime(START, TEXT, SILENT)
    answer = model(runtime).converse(MODEL, "system", [ChatMessage("user", "question")], 10)
    assert await anext(answer) == "Hello"
    await answer.aclose()  # type: ignore[attr-defined]
    assert runtime.body.closed


async def test_a_span_follows_the_conventions_for_generative_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("shared.observability.traces._tracer", provider.get_tracer("test"))
    await read(Runtime(START, TEXT, STOP, METADATA))
    await read(Runtime(START, exception("throttlingException", CANARY)))
    good, bad = exporter.get_finished_spans()
    assert (good.name, good.kind) == (f"chat {MODEL}", SpanKind.CLIENT)
    assert dict(good.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": MODEL,
        "gen_ai.request.max_tokens": 10,
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
    }
    assert (bad.attributes or {})["error.type"] == "Unavailable"
    assert CANARY not in bad.to_json()
