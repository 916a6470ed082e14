"""From a body to a verdict: what cannot be read, what is too late, and the plan of retries."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from contracts.envelope import Context, Envelope, wrap
from contracts.ingestion.documents import IngestDocumentV2, InlineText, ObjectsDroppedV1
from contracts.message import Message
from services.ingestion.services.intake.foreign import foreign
from shared.errors import Unavailable
from shared.messaging.bus import CLAIM_CHECK
from shared.messaging.dispatch import LAST_RECEIVE, MAX_ATTEMPTS, Dispatcher, Verdict
from shared.messaging.wire import Received, encode
from shared.outcomes import Done, Handler, Outcome, Reject, Retry
from shared.testing.fakes import FakeBlobs
from shared.testing.probe import until
from shared.testing.running import Recorder
from tests.unit.shared.fake_aws import fake_aws

QUEUE = "ingestion-documents"
CONTEXT = Context(tenant="acme", principal="ann")
MESSAGE = IngestDocumentV2(name="a.txt", source=InlineText(text="hello"))
ENVELOPE = wrap(MESSAGE, CONTEXT)


def changed(**fields: Any) -> str:
    return json.dumps(json.loads(encode(ENVELOPE)) | fields)


def with_metadata(value: str) -> str:
    """`value` as it stands in the JSON text."""
    data = {"name": "a", "source": {"kind": "inline", "text": "x"}, "metadata": {"x": "VALUE"}}
    return changed(data=data).replace('"VALUE"', value)


def received(body: str, *, receive_count: int = 1, sent_at_ms: int | None = None) -> Received:
    sent = round(time.time() * 1000) if sent_at_ms is None else sent_at_ms
    return Received("m1", "r1", body, receive_count, sent, "sender", {})


def dispatcher(
    handlers: Mapping[type[Message], Handler], blobs: FakeBlobs | None = None
) -> Dispatcher:
    aws = fake_aws()
    if blobs is not None:
        aws.bus._blobs = blobs
    return Dispatcher("ingestion", QUEUE, handlers, aws.bus.redeem, foreign, lambda: 2.0)


async def verdict_of(body: str) -> Verdict:
    return await dispatcher({IngestDocumentV2: Recorder(), ObjectsDroppedV1: Recorder()}).judge(
        received(body)
    )


DEEP = 100_000
RECORD: dict[str, Any] = {
    "eventName": "ObjectCreated:Put",
    "s3": {"bucket": {"name": "b"}, "object": {"key": "inbox/acme/a.txt", "size": 1}},
}


def dropped(change: dict[str, Any]) -> str:
    return json.dumps({"Records": [RECORD | change]})


UNREADABLE = {
    "empty": ("", "not JSON"),
    "words": ("hello", "not JSON"),
    "torn": ('{"a":', "not JSON"),
    "byte order mark": ("\ufeff{}", "not JSON"),
    "raw control character": ('{"a": "\x01"}', "not JSON"),
    "NUL": ("\x00", "not JSON"),
    "list": ("[1]", "a JSON object is expected, not list"),
    "text": ('"a"', "a JSON object is expected, not str"),
    "null": ("null", "a JSON object is expected, not NoneType"),
    "number": ("1", "a JSON object is expected, not int"),
    "empty object": ("{}", "neither an envelope nor a known form"),
    "deep list": ("[" * DEEP + "]" * DEEP, "nested too deeply"),
    "deep object": ('{"a":' * DEEP + "1" + "}" * DEEP, "nested too deeply"),
    "deep in data": (with_metadata("[" * DEEP + "]" * DEEP), "nested too deeply"),
    "NaN": (with_metadata("NaN"), "NaN is no number in JSON"),
    "Infinity": (with_metadata("Infinity"), "Infinity is no number in JSON"),
    "-Infinity": (with_metadata("-Infinity"), "-Infinity is no number in JSON"),
    "beyond a double": (with_metadata("1e999"), "a number is too large"),
    "five thousand digits": (with_metadata("9" * 5000), "not JSON"),
    "half a pair": (with_metadata('"\\ud800"'), "half of a surrogate pair"),
    "half a pair in a key": (changed(x={"y": 1}).replace('"y"', '"\\udfff"'), "half of a"),
    "half a pair, not escaped": ('{"a": "\ud800"}', "half of a surrogate pair"),
    "unknown type": (changed(type="Nonsense"), "unknown type and version: Nonsense v2"),
    "long type": (changed(type="x" * 5000), "unknown type and version: " + "x" * 64),
    "unknown version": (changed(version=9), "unknown type and version: IngestDocument v9"),
    "huge version": (changed(version=10**300), "unknown type and version: IngestDocument v1"),
    "version missing": (changed(version=None), "invalid envelope: version"),
    "version of words": (changed(version="two"), "invalid envelope: version"),
    "no data": (changed(data=None), "invalid envelope: data"),
    "wrong data": (changed(data={"name": 1}), "invalid IngestDocument v2: name"),
    "bad tenant": (changed(tenant="../other"), "invalid envelope: tenant"),
    "no id": (changed(id=""), "invalid envelope: id"),
    "no handler": (changed(type="Pong", version=1, data={"service": "x"}), "no handler for Pong"),
    "reply to a service": (changed(reply_to="memory-events"), "reply_to must name"),
    "reply to a path": (changed(reply_to="gateway-replies-/../x"), "reply_to must name"),
    "reply to nobody": (changed(reply_to="gateway-replies-"), "reply_to must name"),
    "record without s3": (dropped({"s3": None}), "this is no S3 event record"),
    "record with a list": (dropped({"s3": {"object": []}}), "this is no S3 event record"),
    "record without bucket": (dropped({"s3": {"object": {"key": "k"}}}), "invalid envelope"),
    "records of text": (json.dumps({"Records": ["a"]}), "this is no S3 event record"),
    "by hand, bad tenant": (json.dumps({"tenant": "a/b", "name": "x"}), "invalid envelope"),
}


@pytest.mark.parametrize(("body", "reason"), UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_cannot_be_read_is_rejected_with_a_reason(body: str, reason: str) -> None:
    verdict = await verdict_of(body)
    assert isinstance(verdict.outcome, Reject)
    assert reason in verdict.outcome.reason
    assert len(verdict.outcome.reason) < 200


READABLE = {
    "as sent": encode(ENVELOPE),
    "unknown fields": changed(hop=1, data={**MESSAGE.model_dump(mode="json"), "later": [1]}),
    "a whole pair": with_metadata('"\\ud83d\\ude00"'),
    "the words \\ud800": with_metadata('"\\\\ud800"'),
    "large and small numbers": with_metadata("1e308"),
    "a notification": dropped({}),
    "by hand": json.dumps({"tenant": "acme", "name": "a.txt", "text": "words"}),
}


@pytest.mark.parametrize("body", READABLE.values(), ids=READABLE.keys())
async def test_what_can_be_read_is_handled(body: str) -> None:
    assert (await verdict_of(body)).outcome == Done()


async def test_a_rejected_message_that_could_be_read_names_itself_and_its_asker() -> None:
    verdict = await verdict_of(changed(version=9, reply_to="gateway-replies-1"))
    assert verdict.envelope is not None
    assert (verdict.envelope.id, verdict.envelope.reply_to) == (ENVELOPE.id, "gateway-replies-1")


async def test_nobody_is_answered_where_reply_to_is_not_a_reply_queue() -> None:
    assert (await verdict_of(changed(reply_to="memory-events"))).envelope is None


# -- claim checks

CLAIM = {"data": {CLAIM_CHECK: "anything"}}
FOLDER = f"claims/acme/{ENVELOPE.id}/{QUEUE}.json"


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (None, FOLDER),
        (b"\xff", "the claim check's object: not UTF-8"),
        (b"not json", "the claim check's object: not JSON"),
        (b"[]", "the claim check's object: a JSON object is expected"),
        (b'{"name": NaN}', "the claim check's object: NaN is no number"),
        (b'{"a":' * DEEP, "the claim check's object: the JSON is nested too deeply"),
        (b"{}", "invalid IngestDocument v2"),
    ],
)
async def test_a_broken_claim_check_is_rejected(stored: bytes | None, reason: str) -> None:
    blobs = FakeBlobs({FOLDER: stored} if stored is not None else {})
    judge = dispatcher({IngestDocumentV2: Recorder()}, blobs).judge
    verdict = await judge(received(changed(**CLAIM)))
    assert isinstance(verdict.outcome, Reject)
    assert reason in verdict.outcome.reason


async def test_a_claim_check_is_redeemed_and_the_verdict_keeps_it_as_it_was_sent() -> None:
    seen = Recorder()
    blobs = FakeBlobs({FOLDER: json.dumps(ENVELOPE.data).encode()})
    verdict = await dispatcher({IngestDocumentV2: seen}, blobs).judge(received(changed(**CLAIM)))
    assert verdict.outcome == Done()
    assert seen.calls[0][0] == MESSAGE
    assert verdict.envelope is not None
    assert verdict.envelope.data == CLAIM["data"]


async def test_the_second_copy_of_a_handled_claim_check_is_no_dead_letter() -> None:
    blobs = FakeBlobs({FOLDER: json.dumps(ENVELOPE.data).encode()})
    seen = Recorder()
    judge = dispatcher({IngestDocumentV2: seen}, blobs).judge
    await judge(received(changed(**CLAIM)))
    blobs.objects.clear()  # as the consumer does when the message is done
    assert (await judge(received(changed(**CLAIM)))).outcome == Done()
    assert len(seen.calls) == 1


async def test_an_outage_while_redeeming_counts_for_nothing() -> None:
    blobs = FakeBlobs()
    blobs.faults.left = 1
    verdict = await dispatcher({IngestDocumentV2: Recorder()}, blobs).judge(
        received(changed(**CLAIM))
    )
    assert isinstance(verdict.outcome, Unavailable)
    assert blobs.faults.fired == 1


async def test_a_reader_that_breaks_is_a_rejection_too() -> None:
    async def redeem(_queue: str, _envelope: Envelope) -> Envelope:
        raise KeyError("a document's own words")

    judge = Dispatcher("ingestion", QUEUE, {}, redeem).judge
    verdict = await judge(received(encode(ENVELOPE)))
    assert verdict.outcome == Reject("the message cannot be read: KeyError")


# -- expired requests


@pytest.mark.parametrize(
    ("budget_ms", "age_ms", "handled"),
    [
        (None, 10**9, True),
        (1000, 0, True),
        (1000, 1500, False),
        (0, 100, False),
        (-5, 0, False),
        (10**300, 10**9, True),
    ],
)
async def test_a_request_is_not_worked_after_its_time(
    budget_ms: int | None, age_ms: int, handled: bool
) -> None:
    seen = Recorder()
    body = changed(budget_ms=budget_ms, reply_to="gateway-replies-1")
    sent_at = round(time.time() * 1000) - age_ms
    verdict = await dispatcher({IngestDocumentV2: seen}).judge(received(body, sent_at_ms=sent_at))
    assert verdict.outcome == Done()
    assert len(seen.calls) == handled
    assert verdict.envelope is not None
    assert (verdict.envelope.reply_to is not None) == handled


# -- the plan of retries


async def failing(_: int) -> Outcome:
    raise ZeroDivisionError("a document's own words")


async def not_yet(_: int) -> Outcome:
    return Retry(3, "not yet")


@pytest.mark.parametrize(
    ("behave", "first_s", "reason"),
    [(failing, 2.0, "ZeroDivisionError"), (not_yet, 3, "not yet")],
)
async def test_delays_double_and_the_fifth_failure_rejects(
    behave: Any, first_s: float, reason: str
) -> None:
    judge = dispatcher({IngestDocumentV2: Recorder(behave)}).judge
    outcomes = [(await judge(received(encode(ENVELOPE)))).outcome for _ in range(MAX_ATTEMPTS)]
    assert outcomes == [
        *(Retry(first_s * 2**n, reason) for n in range(MAX_ATTEMPTS - 1)),
        Reject(f"failed {MAX_ATTEMPTS} times, last: {reason}"),
    ]


@pytest.mark.parametrize(
    ("receive_count", "kind"),
    [(1, Retry), (LAST_RECEIVE - 1, Retry), (LAST_RECEIVE, Reject), (LAST_RECEIVE + 5, Reject)],
)
async def test_near_the_brokers_own_limit_a_failure_is_final(
    receive_count: int, kind: type[Outcome]
) -> None:
    judge = dispatcher({IngestDocumentV2: Recorder(not_yet)}).judge
    verdict = await judge(received(encode(ENVELOPE), receive_count=receive_count))
    assert isinstance(verdict.outcome, kind)


async def test_a_success_and_an_outage_let_the_count_be() -> None:
    async def behave(call: int) -> Outcome:
        match call:
            case 2:
                raise Unavailable("postgres")
            case 4:
                return Done()
        return Retry(1, "not yet")

    judge = dispatcher({IngestDocumentV2: Recorder(behave)}).judge
    outcomes = [(await judge(received(encode(ENVELOPE)))).outcome for _ in range(5)]
    delays = [one.delay_s if isinstance(one, Retry) else type(one) for one in outcomes]
    assert delays == [1, Unavailable, 2, Done, 1]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (Unavailable("postgres"), "unavailable", "postgres is unavailable"),
        (ZeroDivisionError("secret words"), "internal", "the request failed"),
    ],
)
async def test_an_asker_hears_of_a_failure_at_once(
    error: Exception, code: str, message: str
) -> None:
    async def fail(_: int) -> Outcome:
        raise error

    judge = dispatcher({IngestDocumentV2: Recorder(fail)}).judge
    outcome = (await judge(received(changed(reply_to="gateway-replies-1")))).outcome
    assert isinstance(outcome, Done)
    assert outcome.reply is not None
    assert outcome.reply.model_dump(exclude_none=True) == {"code": code, "message": message}


async def test_a_cancelled_handler_is_cancelled() -> None:
    async def hang(_: int) -> Outcome:
        await asyncio.Event().wait()
        return Done()

    seen = Recorder(hang)
    judging = asyncio.create_task(
        dispatcher({IngestDocumentV2: seen}).judge(received(encode(ENVELOPE)))
    )
    await until(lambda: seen.calls)
    judging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await judging
