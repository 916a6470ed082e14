"""Which errors are outages, in every form in which AWS and its proxies give them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    EventStreamError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from shared.blobs import open_blobs
from shared.errors import Unavailable
from shared.messaging import open_bus
from shared.outage import is_outage, outages_of
from shared.settings import Settings
from shared.testing.emulator import MOTO_ACCOUNT
from tests.unit.shared.fake_aws import client_error

THROTTLES = (
    *("Throttling", "ThrottlingException", "Throttled", "RequestThrottled", "SlowDown"),
    *("TooManyRequestsException", "OverLimit", "KmsThrottled", "LimitExceededException"),
    *("ProvisionedThroughputExceededException", "RequestLimitExceeded"),
)
DOWN = (
    *("InternalError", "InternalFailure", "InternalServerException", "ServiceUnavailable"),
    *("ServiceUnavailableException", "ModelNotReadyException", "ModelStreamErrorException"),
    *("ModelTimeoutException", "RequestTimeout", "ConditionalRequestConflict"),
)
OURS = (
    *("AccessDenied", "ValidationException", "NonExistentQueue", "ReceiptHandleIsInvalid"),
    *("NoSuchKey", "InvalidParameterValue", "ResourceNotFoundException", "", "Throttle"),
)


@pytest.mark.parametrize("form", ["{}", "AWS.SimpleQueueService.{}", "first letter small"])
@pytest.mark.parametrize(
    ("code", "outage"), [*((c, True) for c in THROTTLES + DOWN), *((c, False) for c in OURS)]
)
def test_codes_count_with_and_without_prefix_and_case(code: str, form: str, outage: bool) -> None:
    told = code[:1].lower() + code[1:] if form == "first letter small" else form.format(code)
    assert is_outage(client_error(told)) == outage


@pytest.mark.parametrize(
    ("status", "outage"), [(400, False), (404, False), (429, True), (500, True), (503, True)]
)
def test_an_unknown_code_counts_by_its_status(status: int, outage: bool) -> None:
    assert is_outage(client_error("Unheard", status)) == outage


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (EndpointConnectionError(endpoint_url="x"), True),
        (ConnectTimeoutError(endpoint_url="x"), True),
        (ReadTimeoutError(endpoint_url="x"), True),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), True),
        (ResponseParserError("an answer of a proxy"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (NoCredentialsError(), False),
        (ParamValidationError(report="x"), False),
        (ValueError("ours"), False),
        (EventStreamError({"Error": {"Code": "anything"}}, "ConverseStream"), True),
        (EventStreamError({"Error": {"Code": "validationException"}}, "ConverseStream"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_errors_count_by_their_kind(error: Exception, outage: bool) -> None:
    assert is_outage(error) == outage
    with pytest.raises(Unavailable if outage else type(error)), outages_of("sqs"):
        raise error


OK = b"HTTP/1.1 200 OK\r\n"
CUT = OK + b'Content-Length: 1000\r\n\r\n{"Mess'
ANSWERS = {
    "reset": b"",
    "cut": CUT,
    "cut in a chunk": OK + b'Transfer-Encoding: chunked\r\n\r\n20\r\n{"Mess',
    "not JSON": OK + b"Content-Length: 3\r\n\r\n<a>",
    "not HTTP": b"nonsense\r\n\r\n",
    "503 of a proxy": b"HTTP/1.1 503 Slow\r\nContent-Length: 4\r\n\r\n<a/>",
}


@asynccontextmanager
async def answering(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    """Settings for boto's real clients, which are answered so and do not try again."""
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.read(65536)
        asked += 1
        writer.write(answer)
        writer.close()

    monkeypatch.setattr("shared.aws.PATIENT", {"max_attempts": 1, "mode": "standard"})
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    yield Settings(aws_endpoint_url=url, aws_account=MOTO_ACCOUNT, poll_wait_s=1)
    server.close()
    assert asked >= 1


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_a_torn_answer_of_sqs_is_an_outage_or_no_message(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(answer, monkeypatch) as settings, open_bus(settings) as bus:
        bus._urls["q"] = f"{settings.aws_endpoint_url}/q"
        (found,) = await asyncio.gather(bus.receive("q", 1, 0), return_exceptions=True)
    assert found == [] or isinstance(found, Unavailable)


@pytest.mark.parametrize("name", ["reset", "cut", "cut in a chunk", "not HTTP", "503 of a proxy"])
async def test_a_torn_object_is_an_outage(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(ANSWERS[name], monkeypatch) as settings, open_blobs(settings) as blobs:
        with pytest.raises(Unavailable, match="s3"):
            await blobs.get("key")
