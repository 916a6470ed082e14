"""Leases, the breaker and lost answers: what SQS and the stores do to a consumer."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from contracts.envelope import Context, wrap
from contracts.ingestion.documents import IngestDocumentV2, InlineText
from contracts.ingestion.events import DocumentDeletedV1
from contracts.topology import QUEUES
from shared.errors import Unavailable
from shared.messaging import BusPublisher, Consumer
from shared.messaging.bus import PARKED, Parcel
from shared.messaging.consumer import Times
from shared.messaging.wire import FIRST_SENDER, encode
from shared.outcomes import Done, Outcome, Reject, Retry
from shared.testing.probe import until
from shared.testing.running import Recorder, running
from tests.unit.shared.fake_aws import SQS_LIMIT, Aws, client_error, fake_aws

QUEUE = "ingestion-queries"
CONTEXT = Context(tenant="acme", principal="ann")
MESSAGE = IngestDocumentV2(name="a.txt", source=InlineText(text="hello"))
THROTTLED = client_error("Throttling")
PREFIXED = client_error("AWS.SimpleQueueService.ThrottlingException")
DOWN = client_error("ServiceUnavailable", 503)
HIDE, DELETE = "change_message_visibility_batch", "delete_message_batch"
NOW = Times(breaker_open_s=0.02, poll_pause_s=0.01, retry_s=0)


def put(aws: Aws, count: int = 1, **fields: Any) -> list[str]:
    envelopes = [wrap(MESSAGE, CONTEXT) for _ in range(count)]
    for envelope in envelopes:
        aws.sqs.put(QUEUE, encode(envelope), **fields)
    return [envelope.id for envelope in envelopes]


def consumer(aws: Aws, seen: Recorder, **options: Any) -> Consumer:
    return Consumer(aws.bus, QUEUE, {IngestDocumentV2: seen}, **{"times": NOW} | options)


class Hanging:
    """Hangs at its first call and counts how often it was cancelled."""

    cancelled = 0

    async def __call__(self, call: int) -> Outcome:
        if call == 1:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return Done()


def empty(aws: Aws) -> bool:
    return not aws.sqs.bodies(QUEUE)


# -- leases (visibility of a second, a beat every third of it)

SHORT = replace(QUEUES[QUEUE], visibility_s=1)


def leasing(aws: Aws, seen: Recorder, visibility_s: int = 1) -> Consumer:
    queue = replace(SHORT, visibility_s=visibility_s)
    return Consumer(aws.bus, queue, {IngestDocumentV2: seen}, times=NOW)


async def test_the_heartbeat_holds_a_message_through_three_visibilities() -> None:
    aws, go = fake_aws(visibility_s=1), asyncio.Event()

    async def slow(_: int) -> Outcome:
        await go.wait()
        return Done()

    seen = Recorder(slow)
    put(aws)
    async with running(leasing(aws, seen), leasing(aws, seen)):
        await until(lambda: aws.sqs.calls[HIDE] >= 9)
        go.set()
        await until(lambda: empty(aws))
    assert len(seen.calls) == 1


@pytest.mark.parametrize("error", [THROTTLED, PREFIXED, DOWN, TimeoutError()])
async def test_whoever_cannot_renew_its_lease_is_cancelled_and_another_one_ends_the_work(
    error: Exception,
) -> None:
    # Long enough that a busy machine does not eat the margin before the lease's end.
    aws, hanging = fake_aws(visibility_s=4), Hanging()
    seen = Recorder(hanging)
    put(aws)
    async with running(leasing(aws, seen, visibility_s=4)):
        await until(lambda: seen.calls)
        aws.sqs.fail(HIDE, error, -1)
        await until(lambda: hanging.cancelled, 20)
        assert aws.sqs.visible(QUEUE) == []  # it went before the lease did
        await until(lambda: empty(aws), 20)
    assert aws.sqs.fired[HIDE] >= 2
    assert len(seen.calls) == 2
    assert aws.sqs.reasons(QUEUE) == []


async def test_a_heartbeat_that_fails_is_tried_again_at_once_and_the_work_goes_on() -> None:
    aws, go = fake_aws(visibility_s=1), asyncio.Event()

    async def slow(_: int) -> Outcome:
        await go.wait()
        return Done()

    seen = Recorder(slow)
    put(aws)
    aws.sqs.fail(HIDE, THROTTLED, 2)
    async with running(leasing(aws, seen)):
        await until(lambda: aws.sqs.calls[HIDE] >= 5)
        go.set()
        await until(lambda: empty(aws))
    assert aws.sqs.fired[HIDE] == 2
    assert len(seen.calls) == 1


async def test_a_trial_that_loses_its_lease_leaves_room_for_another() -> None:
    aws = fake_aws(visibility_s=1)

    async def behave(call: int) -> Outcome:
        if call == 1:
            raise Unavailable("postgres")
        if call == 2:
            await asyncio.Event().wait()
        return Done()

    seen = Recorder(behave)
    put(aws)
    async with running(leasing(aws, seen)):
        await until(lambda: len(seen.calls) == 2)
        aws.sqs.answer(HIDE, {"Failed": [{"Id": "0", "SenderFault": True}]})
        await until(lambda: empty(aws))
    assert aws.sqs.fired[HIDE] == 1
    assert len(seen.calls) == 3


async def test_a_heartbeat_without_an_answer_counts_as_failed() -> None:
    aws, hanging = fake_aws(visibility_s=1, drain_s=0.4), Hanging()
    seen = Recorder(hanging)
    put(aws)
    aws.sqs.hanging.add(HIDE)
    async with running(leasing(aws, seen)):
        await until(lambda: hanging.cancelled)
    assert aws.sqs.fired[HIDE]


@pytest.mark.parametrize(
    ("entry", "lost"),
    [
        ({"Code": "InternalError", "SenderFault": False}, False),
        ({"Code": "ReceiptHandleIsInvalid", "SenderFault": True}, True),
        ({"Code": "ReceiptHandleIsInvalid"}, True),
        (None, False),
    ],
    ids=["the provider's fault", "the sender's", "nobody's", "not mentioned"],
)
async def test_which_failed_entry_is_a_lost_lease(entry: dict[str, Any] | None, lost: bool) -> None:
    aws = fake_aws(visibility_s=60)
    aws.sqs.answer(HIDE, {"Failed": [{"Id": "0", **entry}] if entry else []})
    assert await aws.bus.hide(QUEUE, ["r"], 1) == ({"r"} if lost else set())
    assert aws.sqs.fired[HIDE] == 1


async def test_a_heartbeat_that_dies_ends_the_run_with_its_error() -> None:
    aws, seen = fake_aws(visibility_s=1, drain_s=0.4), Recorder(Hanging())
    put(aws)
    aws.sqs.fail(HIDE, client_error("AccessDenied"))
    with pytest.raises(Exception, match="AccessDenied"):
        await asyncio.wait_for(leasing(aws, seen).run(), 10)
    assert aws.sqs.fired[HIDE] == 1


async def test_a_message_on_its_way_out_is_not_renewed_and_not_cancelled() -> None:
    """Else a beat would bring a retry's delay back to a whole visibility."""
    aws = fake_aws(visibility_s=1)
    seen = Recorder()
    put(aws)
    aws.sqs.hanging.add(DELETE)
    one = leasing(aws, seen)
    run = asyncio.create_task(one.run())
    await until(lambda: aws.sqs.fired[DELETE])
    assert aws.sqs.calls[HIDE] == 0
    await until(lambda: len(seen.calls) == 2)  # visible again: its delete never ended
    assert aws.sqs.calls[HIDE] == 0
    one.stop()
    await run


# -- after the effect


async def test_deletes_that_fail_after_success_end_in_one_effect() -> None:
    aws, effects = fake_aws(visibility_s=0.5), Counter[str]()
    aws.sqs.fail(DELETE, DOWN, 2)
    aws.sqs.fail(DELETE, PREFIXED, 1)

    class Upsert(Recorder):
        async def __call__(self, message: Any, context: Context) -> Outcome:
            effects[context.causation_id or ""] = 1
            return await super().__call__(message, context)

    seen = Upsert()
    (sent,) = put(aws)
    async with running(consumer(aws, seen)):
        await until(lambda: empty(aws))
    assert aws.sqs.fired[DELETE] == 3
    assert effects == {sent: 1}
    assert len(seen.calls) == 4
    assert aws.sqs.reasons(QUEUE) == []


async def test_the_same_message_three_times_at_once_is_handled_by_its_id() -> None:
    aws, effects = fake_aws(), set[str]()
    body = encode(wrap(MESSAGE, CONTEXT, id="the-one"))
    seen = [Recorder() for _ in range(3)]
    for _ in seen:
        aws.sqs.put(QUEUE, body)
    async with running(*(consumer(aws, one, concurrency=1) for one in seen)):
        await until(lambda: empty(aws))
    for one in seen:
        effects |= {context.causation_id or "" for _, context in one.calls}
    assert effects == {"the-one"}
    assert aws.sqs.reasons(QUEUE) == []


@pytest.mark.parametrize("channel", ["queue", "topic", "topic in batches"])
async def test_a_send_whose_answer_is_cut_and_that_is_sent_again_has_one_effect(
    channel: str,
) -> None:
    aws, seen = fake_aws(), Recorder()
    publisher, deleted = BusPublisher(aws.bus), DocumentDeletedV1(document_id="d", ordinal=1)

    async def send() -> None:
        if channel == "queue":
            await publisher.send("retrieval-control", deleted, CONTEXT, id="the-one")
        elif channel == "topic":
            await publisher.publish_now("documents", deleted, CONTEXT, id="the-one")
        else:
            await publisher.publish("documents", deleted, CONTEXT, id="the-one")

    for client, call in (
        (aws.sqs, "send_message"),
        (aws.sns, "publish"),
        (aws.sns, "publish_batch"),
    ):
        client.fail(call, ConnectionResetError(), after=True)
    with pytest.raises(Unavailable):
        await send()
    await send()
    assert len(aws.sqs.bodies("retrieval-control")) == 2
    async with running(Consumer(aws.bus, "retrieval-control", {DocumentDeletedV1: seen})):
        await until(lambda: len(seen.calls) == 2)
    assert {context.causation_id for _, context in seen.calls} == {"the-one"}


# -- SQS itself


async def test_under_throttling_everything_is_handled_and_nothing_is_a_dead_letter() -> None:
    aws, seen = fake_aws(visibility_s=0.5), Recorder()
    for call in ("receive_message", DELETE, HIDE):
        for error in (THROTTLED, PREFIXED, DOWN):
            aws.sqs.fail(call, error, 1)
    ids = put(aws, 30)
    async with running(consumer(aws, seen)):
        await until(lambda: empty(aws))
    assert aws.sqs.fired["receive_message"] == aws.sqs.fired[DELETE] == 3
    assert {context.causation_id for _, context in seen.calls} == set(ids)
    assert aws.sqs.reasons(QUEUE) == []


async def test_a_receive_whose_answer_is_cut_comes_back_after_the_visibility() -> None:
    aws, seen = fake_aws(visibility_s=0.5), Recorder()
    aws.sqs.fail("receive_message", ConnectionResetError(), 2, after=True)
    put(aws, 5)
    async with running(consumer(aws, seen)):
        await until(lambda: empty(aws))
    assert aws.sqs.fired["receive_message"] == 2
    assert len(seen.calls) == 5
    assert aws.sqs.reasons(QUEUE) == []


async def test_a_failed_batch_entry_of_a_delete_is_no_silent_success(
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws, seen = fake_aws(visibility_s=0.5), Recorder()
    aws.sqs.answer(DELETE, {"Failed": [{"Id": "0", "Code": "InternalError"}]}, {})
    put(aws)
    async with running(consumer(aws, seen)):
        await until(lambda: empty(aws))
    assert aws.sqs.fired[DELETE] == 2
    assert caplog.messages.count("settle_failed") == 2
    assert len(seen.calls) == 3


# -- the breaker


async def test_half_open_lets_one_message_through_however_many_polls_there_are() -> None:
    aws, go, at_once, most = fake_aws(), asyncio.Event(), 0, 0
    probes = 0

    async def probe() -> None:
        nonlocal probes
        probes += 1

    async def behave(call: int) -> Outcome:
        nonlocal at_once, most
        if call == 1:
            raise Unavailable("postgres")
        at_once, most = at_once + 1, max(most, at_once + 1)
        await go.wait()
        at_once -= 1
        return Done()

    seen = Recorder(behave)
    put(aws)
    async with running(consumer(aws, seen, concurrency=10, probe=probe)):
        await until(lambda: len(seen.calls) == 2)  # the trial is at work
        put(aws, 20)
        before = aws.sqs.calls["receive_message"]
        await asyncio.sleep(0.3)  # fifteen times the time after which another may try
        assert (most, aws.sqs.calls["receive_message"]) == (1, before)
        go.set()
        await until(lambda: empty(aws))
    assert probes == 1
    assert len(seen.calls) == 22


async def test_a_poll_that_was_open_when_the_breaker_opened_gives_its_messages_back() -> None:
    aws, fail = fake_aws(poll_wait_s=20), asyncio.Event()

    async def behave(call: int) -> Outcome:
        if call == 1:
            await fail.wait()
            raise Unavailable("postgres")
        return Done()

    async def away() -> None:
        raise Unavailable("postgres")

    seen = Recorder(behave)
    put(aws)
    one = consumer(aws, seen, probe=away, times=replace(NOW, breaker_open_s=30))
    async with running(one):
        await until(lambda: seen.calls)
        fail.set()  # while the next poll waits
        await until(lambda: len(aws.sqs.visible(QUEUE)) == 1)
        put(aws, 3)
        await until(lambda: aws.sqs.calls[HIDE] >= 2)
        await until(lambda: len(aws.sqs.visible(QUEUE)) == 4)
        assert len(seen.calls) == 1
    assert max(held.receives for held in aws.sqs.queues[QUEUE].messages) <= 2


async def test_what_began_before_the_breaker_opened_neither_closes_nor_feeds_it() -> None:
    aws, gates = fake_aws(), [asyncio.Event() for _ in range(3)]

    async def behave(call: int) -> Outcome:
        if call <= 3:
            await gates[call - 1].wait()
            if call == 3:
                return Done()
            raise Unavailable("postgres")
        return Done()

    seen = Recorder(behave)
    put(aws, 3)
    one = consumer(aws, seen, times=replace(NOW, breaker_open_s=30))
    async with running(one):
        await until(lambda: len(seen.calls) == 3)
        gates[0].set()
        await until(lambda: not one._breaker.closed)
        opened = one._breaker._next_try
        gates[1].set()
        gates[2].set()
        await until(lambda: len(aws.sqs.bodies(QUEUE)) == 2)
        assert not one._breaker.closed
        assert one._breaker._next_try == opened


async def test_outages_renew_a_message_before_the_broker_gives_it_up() -> None:
    aws = fake_aws()

    async def behave(call: int) -> Outcome:
        if call <= 25:
            raise Unavailable("postgres")
        return Done()

    seen = Recorder(behave)
    (sent,) = put(aws, sender="AROAFIRST:ann")
    async with running(consumer(aws, seen, times=replace(NOW, breaker_open_s=0, renew_at=10))):
        await until(lambda: empty(aws))
    assert {context.causation_id for _, context in seen.calls} == {sent}
    senders = {(context.sender, context.first_sender) for _, context in seen.calls}
    assert senders == {("AROAFIRST:ann", None), ("AROASENDER:test", "AROAFIRST:ann")}
    assert aws.sqs.calls["send_message"] == 2
    assert aws.sqs.reasons(QUEUE) == []


async def test_a_message_that_is_too_large_to_be_renewed_is_a_dead_letter_with_its_reason() -> None:
    aws = fake_aws()

    async def away(_: int) -> Outcome:
        raise Unavailable("postgres")

    body = encode(wrap(IngestDocumentV2(name="a", source=InlineText(text="TEXT")), CONTEXT))
    body = body.replace("TEXT", "x" * (SQS_LIMIT - len(body)))
    aws.sqs.put(QUEUE, body, receives=9)
    async with running(consumer(aws, Recorder(away))):
        await until(lambda: empty(aws))
    (reason,) = aws.sqs.reasons(QUEUE)
    assert "postgres is unavailable" in reason
    assert "too large to be sent again" in reason


# -- dead letters


async def test_only_the_poisonous_message_is_a_dead_letter_after_five_attempts() -> None:
    aws, attempts = fake_aws(), Counter[str]()
    poison, *rest = put(aws, 11)

    class Judge(Recorder):
        async def __call__(self, message: Any, context: Context) -> Outcome:
            attempts[context.causation_id or ""] += 1
            if context.causation_id == poison:
                raise ValueError("a document's own words")
            return Done()

    async with running(consumer(aws, Judge())):
        await until(lambda: empty(aws))
    assert attempts == {poison: 5, **dict.fromkeys(rest, 1)}
    assert aws.sqs.reasons(QUEUE) == ["failed 5 times, last: ValueError"]


@pytest.mark.parametrize(
    "body",
    [
        "\x01\x02" * 10,
        "half \ud800 a pair",
        "x" * (1024 * 1024),
        "ü" * (512 * 1024),
        "x" * (1024 * 1024 - 2100),  # too much with the attributes only
    ],
    ids=["control characters", "half a pair", "1 MiB", "1 MiB of two bytes", "nearly 1 MiB"],
)
async def test_whatever_it_is_a_dead_letter_can_be_sent_with_its_reason(body: str) -> None:
    aws = fake_aws()
    foreign = {f"extra-{n}": {"DataType": "String", "StringValue": "x"} for n in range(10)}
    kept = {name: {"DataType": "String", "StringValue": "ä" * 500} for name in ("type", "version")}
    aws.sqs.put(QUEUE, body, attributes={**foreign, **kept})
    async with running(consumer(aws, Recorder())):
        await until(lambda: empty(aws))
    (letter,) = aws.sqs.queues[QUEUES[QUEUE].dead_letters].messages
    assert aws.sqs.reasons(QUEUE) == ["not JSON"]
    assert set(letter.attributes) <= {
        *("type", "version", "traceparent", FIRST_SENDER),
        *("reason", "source", "failed_at", "event_id"),
    }
    size = Parcel(letter.body, dict(letter.attributes)).size()
    assert size <= QUEUES[QUEUE].limit_bytes
    assert letter.body.isprintable()
    if len(body) > 100_000:
        key = json.loads(letter.body)[PARKED]
        assert aws.blobs.objects[key].decode() == body


async def test_a_dead_letter_that_cannot_be_sent_leaves_the_message_where_it_is() -> None:
    aws, seen = fake_aws(visibility_s=0.5), Recorder()
    aws.sqs.fail("send_message", DOWN, 2)
    aws.sqs.put(QUEUE, "not json")
    async with running(consumer(aws, seen)):
        await until(lambda: empty(aws))
    assert aws.sqs.fired["send_message"] == 2
    assert aws.sqs.reasons(QUEUE) == ["not JSON"]


async def test_a_retry_is_hidden_for_its_time() -> None:
    aws = fake_aws()

    async def later(call: int) -> Outcome:
        return Retry(0.6, "not yet") if call == 1 else Reject("now")

    put(aws)
    async with running(consumer(aws, Recorder(later))):
        await until(lambda: aws.sqs.calls[HIDE] == 1)
        assert aws.sqs.visible(QUEUE) == []  # a whole second
        await until(lambda: empty(aws))
    assert aws.sqs.reasons(QUEUE) == ["now"]
