"""Every rule of the consumer, against an emulator."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from contracts.envelope import Context, derived_id, wrap
from contracts.ingestion.documents import IngestDocumentV1, IngestDocumentV2, InlineText
from contracts.topology import CLAIMS_PREFIX, QUEUES
from shared.blobs import S3Blobs
from shared.errors import Unavailable
from shared.messaging import Bus, BusPublisher, Consumer
from shared.messaging.bus import Parcel
from shared.messaging.consumer import Times
from shared.messaging.redrive import discard, loads, look, redrive
from shared.messaging.wire import Received, encode, routing
from shared.outcomes import Done, Outcome, Reject, Retry
from shared.testing.probe import until
from shared.testing.running import Recorder, running

QUEUE = "ingestion-queries"  # none but ours is sent here: no S3 test event
CONTEXT = Context(tenant="acme", principal="ann")
MESSAGE = IngestDocumentV2(name="a.txt", source=InlineText(text="hello"))


async def empty(bus: Bus, queue: str = QUEUE) -> bool:
    """Neither visible nor in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = await bus._send.get_queue_attributes(
        QueueUrl=await bus.url(queue), AttributeNames=names
    )
    return all(int(answer["Attributes"][name]) == 0 for name in names)


async def dead(bus: Bus, count: int = 1) -> list[Any]:
    async def enough() -> bool:
        return await bus.depth(QUEUES[QUEUE].dead_letters) >= count

    await until(enough)
    return await look(bus, QUEUES[QUEUE], 10)


async def test_a_message_is_handled_once_and_deleted(bus: Bus) -> None:
    seen = Recorder()
    sent = await BusPublisher(bus).send(QUEUE, MESSAGE, CONTEXT)
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen})):
        await until(lambda: seen.calls)
        await until(lambda: empty(bus))
    message, context = seen.calls[0]
    assert message == MESSAGE
    assert (context.tenant, context.principal, context.causation_id) == ("acme", "ann", sent)
    assert len(seen.calls) == 1


async def test_an_old_version_reaches_the_handler_of_the_newest(bus: Bus) -> None:
    seen = Recorder()
    await BusPublisher(bus).send(QUEUE, IngestDocumentV1(name="a", text="x"), CONTEXT)
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen})):
        await until(lambda: seen.calls)
    assert isinstance(seen.calls[0][0], IngestDocumentV2)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not json", "not JSON"),
        ("[1]", "a JSON object is expected"),
        ("{}", "invalid envelope"),
        (encode(wrap(MESSAGE, CONTEXT)).replace("IngestDocument", "Nonsense"), "unknown type"),
        (encode(wrap(MESSAGE, CONTEXT)).replace('"version":2', '"version":9'), "IngestDocument v9"),
        (encode(wrap(MESSAGE, CONTEXT, reply_to="someone-elses")), "reply_to must name"),
    ],
)
async def test_what_cannot_be_read_is_a_dead_letter_after_one_attempt(
    bus: Bus, body: str, reason: str
) -> None:
    seen = Recorder()
    await bus.send_parcel(QUEUE, Parcel(body, {}))
    await BusPublisher(bus).send(QUEUE, MESSAGE, CONTEXT)
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen})):
        (letter,) = await dead(bus)
        await until(lambda: seen.calls)  # the worker goes on
        await until(lambda: empty(bus))
    assert reason in letter.attributes["reason"]
    assert letter.attributes["source"] == QUEUE
    assert letter.body == body


async def test_a_rejected_message_is_a_dead_letter_with_the_reason(bus: Bus) -> None:
    async def reject(_: int) -> Outcome:
        return Reject("the tenant is closed")

    seen = Recorder(reject)
    sent = await BusPublisher(bus).send(QUEUE, MESSAGE, CONTEXT)
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen})):
        (letter,) = await dead(bus)
        await until(lambda: empty(bus))
    assert letter.attributes["reason"] == "the tenant is closed"
    assert letter.attributes["event_id"] == sent
    assert len(seen.calls) == 1


async def test_the_fifth_failure_is_the_last_and_its_words_stay_inside(bus: Bus) -> None:
    async def fail(_: int) -> Outcome:
        raise ZeroDivisionError("boom")

    seen = Recorder(fail)
    await BusPublisher(bus).send(QUEUE, MESSAGE, CONTEXT)
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen}, times=Times(retry_s=0))):
        (letter,) = await dead(bus)
    assert len(seen.calls) == 5
    assert letter.attributes["reason"] == "failed 5 times, last: ZeroDivisionError"


async def test_a_retry_comes_back_and_succeeds(bus: Bus) -> None:
    async def later(call: int) -> Outcome:
        return Retry(0, "not yet") if call < 3 else Done()

    seen = Recorder(later)
    await BusPublisher(bus).send(QUEUE, MESSAGE, CONTEXT)
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen})):
        await until(lambda: len(seen.calls) == 3)
        await until(lambda: empty(bus))
    assert (await loads(bus))[QUEUE].dead_letters == 0


async def test_an_outage_pauses_counts_for_nothing_and_fills_no_dead_letters(
    bus: Bus,
) -> None:
    times, probes = Times(breaker_open_s=0.05, renew_at=3), 0

    async def probe() -> None:
        nonlocal probes
        probes += 1
        if probes % 2:
            raise Unavailable("postgres")

    async def down_then_up(call: int) -> Outcome:
        if call <= 12:
            raise Unavailable("postgres")
        return Done()

    seen = Recorder(down_then_up)
    await BusPublisher(bus).send(QUEUE, MESSAGE, CONTEXT, id="the-one")
    consumer = Consumer(bus, QUEUE, {IngestDocumentV2: seen}, probe=probe, times=times)
    async with running(consumer):
        await until(lambda: len(seen.calls) > 12, within_s=20)
        await until(lambda: empty(bus))
    assert probes >= 12  # each message after the first had to wait for a probe
    assert {context.causation_id for _, context in seen.calls} == {"the-one"}
    assert (await loads(bus))[QUEUE].dead_letters == 0


SHORT = replace(QUEUES[QUEUE], visibility_s=1)


async def test_a_long_handler_keeps_its_lease(bus: Bus) -> None:
    await _set_visibility(bus, 1)
    finish = asyncio.Event()

    async def slow(_: int) -> Outcome:
        await finish.wait()
        return Done()

    seen = Recorder(slow)
    await BusPublisher(bus).send(QUEUE, MESSAGE, CONTEXT)
    async with running(Consumer(bus, SHORT, {IngestDocumentV2: seen}, concurrency=2)):
        await until(lambda: seen.calls)
        for _ in range(3):  # three visibility timeouts pass: nobody else may get it
            assert await bus.receive(QUEUE, 1, 1) == []
        finish.set()
        await until(lambda: empty(bus))
    assert len(seen.calls) == 1


async def test_a_lost_lease_cancels_the_handler(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled = asyncio.Event()

    async def hang(_: int) -> Outcome:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Done()

    async def lost(_queue: str, receipts: list[str], seconds: int) -> set[str]:
        return set(receipts) if seconds else set()

    seen = Recorder(hang)
    await BusPublisher(bus).send(QUEUE, MESSAGE, CONTEXT)
    monkeypatch.setattr(bus, "hide", lost)
    async with running(Consumer(bus, SHORT, {IngestDocumentV2: seen})):
        await asyncio.wait_for(cancelled.wait(), 5)


async def test_no_more_than_the_allowed_number_run_at_once(bus: Bus) -> None:
    now, most = 0, 0

    async def count(_: int) -> Outcome:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0.02)
        now -= 1
        return Done()

    seen = Recorder(count)
    publisher = BusPublisher(bus)
    await asyncio.gather(*(publisher.send(QUEUE, MESSAGE, CONTEXT) for _ in range(20)))
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen}, concurrency=3)):
        await until(lambda: len(seen.calls) == 20)
        await until(lambda: empty(bus))
    assert most == 3


async def test_a_stop_lets_the_work_finish_and_leaves_the_rest_visible(bus: Bus) -> None:
    release = asyncio.Event()

    async def wait(_: int) -> Outcome:
        await release.wait()
        return Done()

    seen = Recorder(wait)
    publisher = BusPublisher(bus)
    await asyncio.gather(*(publisher.send(QUEUE, MESSAGE, CONTEXT) for _ in range(3)))
    consumer = Consumer(bus, QUEUE, {IngestDocumentV2: seen}, concurrency=1)
    task = asyncio.create_task(consumer.run())
    await until(lambda: seen.calls)
    consumer.stop()
    release.set()
    await task
    assert len(seen.calls) == 1
    assert len(await bus.receive(QUEUE, 10, 1)) == 2


async def test_work_that_does_not_finish_in_time_goes_back(bus: Bus) -> None:
    async def never(_: int) -> Outcome:
        await asyncio.Event().wait()
        return Done()

    seen = Recorder(never)
    await BusPublisher(bus).send(QUEUE, MESSAGE, CONTEXT)
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen})):
        await until(lambda: seen.calls)
    assert len(await bus.receive(QUEUE, 10, 1)) == 1


async def test_dead_letters_can_be_redriven(bus: Bus) -> None:
    healed = False

    async def broken(_: int) -> Outcome:
        return Done() if healed else Reject("broken")

    seen = Recorder(broken)
    publisher = BusPublisher(bus)
    ids = [await publisher.send(QUEUE, MESSAGE, CONTEXT) for _ in range(3)]
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen})):
        assert len(await dead(bus, 3)) == 3
        healed = True
        one = await redrive(bus, QUEUES[QUEUE], per_second=1000, only=ids[0])
        assert (one.moved, one.left) == (1, 2)
        rest = await redrive(bus, QUEUES[QUEUE], per_second=1000)
        assert rest.moved == 2
        await until(lambda: len(seen.calls) == 6)
        await until(lambda: empty(bus))
    assert {context.causation_id for _, context in seen.calls[3:]} == set(ids)
    assert (await loads(bus))[QUEUE].dead_letters == 0


async def test_dead_letters_can_be_discarded(bus: Bus) -> None:
    async def broken(_: int) -> Outcome:
        return Reject("broken")

    seen, publisher = Recorder(broken), BusPublisher(bus)
    ids = [await publisher.send(QUEUE, MESSAGE, CONTEXT) for _ in range(3)]
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen})):
        assert len(await dead(bus, 3)) == 3
    one = await discard(bus, QUEUES[QUEUE], only=ids[0])
    assert (one.moved, one.left) == (1, 2)
    assert (await discard(bus, QUEUES[QUEUE])).moved == 2
    assert (await loads(bus))[QUEUE].dead_letters == 0
    assert len(seen.calls) == 3


async def test_what_fails_again_during_a_redrive_is_not_sent_back_twice(bus: Bus) -> None:
    async def broken(_: int) -> Outcome:
        return Reject("still broken")

    seen = Recorder(broken)
    await BusPublisher(bus).send(QUEUE, MESSAGE, CONTEXT)
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen})):
        await dead(bus)
        moved = await asyncio.wait_for(redrive(bus, QUEUES[QUEUE], per_second=1000), 20)
        await until(lambda: len(seen.calls) == 2)
        assert len(await dead(bus)) == 1
    assert moved.moved == 1


async def test_a_message_over_the_limit_travels_as_a_claim_check(bus: Bus) -> None:
    seen = Recorder()
    big = IngestDocumentV2(name="big", source=InlineText(text="x" * 1_100_000))
    await BusPublisher(bus).send(QUEUE, big, CONTEXT)
    async with running(Consumer(bus, QUEUE, {IngestDocumentV2: seen})):
        await until(lambda: seen.calls)
        await until(lambda: empty(bus))
        await until(lambda: _no_claims(bus))
    assert seen.calls[0][0] == big


async def _no_claims(bus: Bus) -> bool:
    assert isinstance(bus._blobs, S3Blobs)
    return [key async for key in bus._blobs.keys(CLAIMS_PREFIX)] == []


async def test_a_claim_check_leads_to_the_messages_own_object_whatever_it_says(bus: Bus) -> None:
    assert bus._blobs is not None
    await bus._blobs.put(f"{CLAIMS_PREFIX}other/1/{QUEUE}.json", b'{"name": "a"}')
    envelope = wrap(MESSAGE, CONTEXT, id=derived_id("x"))
    forged = envelope.model_copy(update={"data": {"$claim": f"{CLAIMS_PREFIX}other/1/"}})
    await bus.send_parcel(QUEUE, Parcel(encode(forged), routing(forged)))
    async with running(Consumer(bus, QUEUE, {})):
        (letter,) = await dead(bus)
    assert f"{CLAIMS_PREFIX}acme/{envelope.id}/{QUEUE}.json" in letter.attributes["reason"]
    assert json.loads(letter.body)["tenant"] == "acme"


async def _set_visibility(bus: Bus, seconds: int) -> None:
    await bus._send.set_queue_attributes(
        QueueUrl=await bus.url(QUEUE), Attributes={"VisibilityTimeout": str(seconds)}
    )


async def test_where_nobody_waits_messages_gather_and_are_handled_in_few_receives(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, receives = Recorder(), 0
    receive = bus.receive

    async def counted(queue: str, count: int, wait_s: int) -> list[Received]:
        nonlocal receives
        messages = await receive(queue, count, wait_s)
        receives += bool(messages)
        return messages

    monkeypatch.setattr(bus, "receive", counted)
    publisher = BusPublisher(bus)
    consumer = Consumer(bus, QUEUE, {IngestDocumentV2: seen}, linger_s=0.5)
    async with running(consumer):
        await publisher.send(QUEUE, MESSAGE, CONTEXT)
        await until(lambda: seen.calls)
        for _ in range(4):  # sent while it lingers
            await publisher.send(QUEUE, MESSAGE, CONTEXT)
        await until(lambda: len(seen.calls) == 5)
    assert receives == 2
