"""The words of a foreign error quote documents and secrets: they are written down nowhere."""

import json
import logging
from collections.abc import Callable

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from pydantic import BaseModel

from contracts.envelope import Context, wrap
from contracts.ingestion.documents import IngestDocumentV2, InlineText
from shared.errors import (
    DeadlineMissed,
    NoSuchObject,
    RequestRefused,
    TooLarge,
    Unavailable,
    described,
)
from shared.messaging.dispatch import Dispatcher
from shared.messaging.wire import Received, encode
from shared.observability import span
from shared.observability.logs import JsonFormatter
from shared.outcomes import Handlers, Outcome, Reject, Retry
from shared.testing.running import Recorder
from tests.unit.shared.fake_aws import client_error, fake_aws

CANARY = "a-very-private-sentence"


class Number(BaseModel):
    value: int


class PostgresError(Exception):
    sqlstate = "23505"


class StatementError(Exception):
    """SQLAlchemy's shape: the driver's error in `orig`, the parameters in the words."""

    def __init__(self) -> None:
        super().__init__(f"[SQL: INSERT …] [parameters: ({CANARY!r},)]")
        self.orig = PostgresError(CANARY)


class OddResponse(Exception):
    """Some HTTP library's error whose `response` is no boto answer."""

    def __init__(self, response: object) -> None:
        super().__init__(CANARY)
        self.response = response


def validation() -> None:
    Number.model_validate({"value": CANARY})


def chain() -> None:
    try:
        validation()
    except ValueError as error:
        raise RuntimeError(CANARY) from error


def context() -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        raise KeyError(CANARY)  # noqa: B904 (an implicit chain)


def group() -> None:
    raise ExceptionGroup(CANARY, [ValueError(CANARY)])


def raising(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


FOREIGN: dict[str, tuple[Callable[[], None], str]] = {
    "pydantic": (validation, "ValidationError"),
    "value": (raising(ValueError(CANARY)), "ValueError"),
    "chain": (chain, "RuntimeError"),
    "implicit chain": (context, "KeyError"),
    "group": (group, "ExceptionGroup"),
    "sqlalchemy": (raising(StatementError()), "StatementError (23505)"),
    "asyncpg": (raising(PostgresError(CANARY)), "PostgresError (23505)"),
    "boto": (raising(client_error("AccessDenied", message=CANARY)), "ClientError (AccessDenied)"),
    "boto, odd code": (raising(client_error(f"{CANARY} and more")), "ClientError"),
    "os": (raising(FileNotFoundError(2, CANARY, CANARY)), "FileNotFoundError (2)"),
    "unicode": (raising(UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, "x")), "UnicodeDecode"),
    "no Error": (raising(OddResponse({"Error": None})), "OddResponse"),
    "response of words": (raising(OddResponse(CANARY)), "OddResponse"),
}


def caught(call: Callable[[], None]) -> Exception:
    try:
        call()
    except Exception as error:  # noqa: BLE001 (it is what the test is about)
        return error
    raise AssertionError("no error")


def logged(error: Exception, **fields: object) -> str:
    info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed", None, info)
    record.fields = fields
    return JsonFormatter("test").format(record)


@pytest.mark.parametrize(("call", "told"), FOREIGN.values(), ids=FOREIGN.keys())
def test_of_a_foreign_error_only_its_kind_and_code_are_told(
    call: Callable[[], None], told: str
) -> None:
    error = caught(call)
    assert CANARY in repr(error) + str(vars(error)) + str(error)
    assert described(error).startswith(told)
    assert CANARY not in described(error)


@pytest.mark.parametrize(("call", "told"), FOREIGN.values(), ids=FOREIGN.keys())
def test_a_log_line_has_the_chain_with_its_stacks_and_no_words(
    call: Callable[[], None], told: str
) -> None:
    error = caught(call)
    text = logged(error, why=error, more=[error])
    assert CANARY not in text
    line = json.loads(text)
    assert line["exception"][0]["error"].startswith(told)
    assert any(frame.endswith(" caught") for frame in line["exception"][0]["stack"])
    assert len(line["exception"]) == (2 if call in (chain, context) else 1)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Unavailable("sqs", "Throttling"), "Unavailable: sqs is unavailable: Throttling"),
        (DeadlineMissed("q", 5), "DeadlineMissed: no reply from q within 5 ms"),
        (RequestRefused("gone", "it is gone"), "RequestRefused (gone)"),
        (TooLarge("k: 5 bytes"), "TooLarge: k: 5 bytes"),
        (NoSuchObject("k"), "NoSuchObject: k"),
    ],
)
def test_our_own_errors_keep_their_words(error: Exception, told: str) -> None:
    assert described(error) == told


def test_a_line_with_half_a_surrogate_pair_can_be_written() -> None:
    line = logged(ValueError(), name="a\ud800b")
    assert json.loads(line.encode().decode())["name"] == "a\ud800b"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("shared.observability.traces._tracer", provider.get_tracer("test"))
    return exporter


@pytest.mark.parametrize("current", [True, False])
@pytest.mark.parametrize(("call", "told"), FOREIGN.values(), ids=FOREIGN.keys())
def test_a_span_tells_an_errors_kind_and_no_words(
    call: Callable[[], None], told: str, current: bool, spans: InMemorySpanExporter
) -> None:
    error = caught(call)
    with pytest.raises(type(error)), span("work", current=current):
        raise error
    (found,) = spans.get_finished_spans()
    assert CANARY not in found.to_json()
    assert found.status.status_code is StatusCode.ERROR
    assert (found.status.description or "").startswith(told)
    assert (found.attributes or {})["error.type"] == type(error).__name__
    assert found.events == ()


def test_a_span_that_is_not_current_leaves_its_readers_span_alone(
    spans: InMemorySpanExporter,
) -> None:
    with span("outer"):
        outer = trace.get_current_span()
        with span("inner", current=False):
            assert trace.get_current_span() is outer
    inner, _ = spans.get_finished_spans()
    assert inner.parent is not None
    assert inner.parent.span_id == outer.get_span_context().span_id


async def test_a_failed_message_leaves_no_words_in_reason_log_or_span(
    spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: int) -> Outcome:
        validation()
        raise AssertionError

    caplog.set_level(logging.DEBUG)
    envelope = wrap(
        IngestDocumentV2(name=CANARY, source=InlineText(text=CANARY), metadata={CANARY: CANARY}),
        Context(tenant="acme"),
    )
    handlers: Handlers = {IngestDocumentV2: Recorder(fail)}
    judge = Dispatcher("ingestion", "ingestion-documents", handlers, fake_aws().bus.redeem).judge
    broken = envelope.model_copy(update={"data": envelope.data | {"tags": [1], "metadata": CANARY}})
    forged = {"type": CANARY, "version": 1, "data": {}, "tenant": CANARY + "/"}
    bodies = [encode(envelope), encode(broken), CANARY, json.dumps({CANARY: 1}), json.dumps(forged)]
    reasons = []
    for body in bodies:
        verdict = await judge(Received("m", "r", body, 1, 0, None, {}))
        assert isinstance(verdict.outcome, Retry | Reject)
        reasons.append(verdict.outcome.reason)
    assert reasons[0] == "ValidationError"
    lines = [JsonFormatter("ingestion").format(record) for record in caplog.records]
    assert len(lines) >= 2
    told = [*lines, *reasons, *(one.to_json() for one in spans.get_finished_spans())]
    assert [text for text in told if CANARY in text] == []
