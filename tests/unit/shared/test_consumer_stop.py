"""A stop is seen at once, loses nothing, and takes no longer than its drain."""

import asyncio
import time
from typing import Any

import pytest

from contracts.envelope import Context, wrap
from contracts.ingestion.documents import IngestDocumentV2, InlineText
from shared.errors import Unavailable
from shared.messaging import Consumer
from shared.messaging.consumer import Times
from shared.messaging.wire import encode
from shared.outcomes import Done, Outcome
from shared.testing.probe import until
from shared.testing.running import Recorder
from tests.unit.shared.fake_aws import Aws, client_error, fake_aws

QUEUE = "ingestion-queries"
CONTEXT = Context(tenant="acme", principal="ann")
MESSAGE = IngestDocumentV2(name="a.txt", source=InlineText(text="hello"))


def put(aws: Aws, count: int = 1) -> None:
    for _ in range(count):
        aws.sqs.put(QUEUE, encode(wrap(MESSAGE, CONTEXT)))


def consumer(aws: Aws, seen: Recorder, **options: Any) -> Consumer:
    return Consumer(aws.bus, QUEUE, {IngestDocumentV2: seen}, **options)


async def stopped(running: asyncio.Task[None], consumer: Consumer) -> float:
    """Seconds from the stop to the end."""
    started = time.monotonic()
    consumer.stop()
    await asyncio.wait_for(running, 20)
    return time.monotonic() - started


class Held:
    """A handler that works until it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, _: int) -> Outcome:
        await self.go.wait()
        return Done()


async def test_while_all_slots_are_taken_a_stop_is_seen_and_nothing_more_is_received() -> None:
    aws, held = fake_aws(), Held()
    seen = Recorder(held)
    put(aws, 3)
    one = consumer(aws, seen, concurrency=1)
    running = asyncio.create_task(one.run())
    await until(lambda: seen.calls)
    one.stop()
    held.go.set()
    await asyncio.wait_for(running, 5)
    assert len(seen.calls) == 1
    assert aws.sqs.calls["receive_message"] == 1
    assert len(aws.sqs.visible(QUEUE)) == 2
    assert len(aws.sqs.bodies(QUEUE)) == 2


async def test_what_a_long_poll_brings_after_the_stop_is_visible_to_others_at_once() -> None:
    aws, seen = fake_aws(poll_wait_s=20, drain_s=10), Recorder()
    one = consumer(aws, seen)
    running = asyncio.create_task(one.run())
    await until(lambda: aws.sqs.calls["get_queue_url"])
    one.stop()
    put(aws, 2)
    await asyncio.wait_for(running, 5)
    assert seen.calls == []
    assert len(aws.sqs.visible(QUEUE)) == 2


async def test_a_poll_longer_than_the_drain_is_given_up() -> None:
    aws, seen = fake_aws(poll_wait_s=20, drain_s=0.4), Recorder()
    one = consumer(aws, seen)
    running = asyncio.create_task(one.run())
    await until(lambda: aws.sqs.calls["get_queue_url"])
    assert await stopped(running, one) < 3


@pytest.mark.parametrize("call", ["receive_message", "change_message_visibility_batch"])
async def test_a_call_that_hangs_does_not_hold_up_a_stop(call: str) -> None:
    aws, seen = fake_aws(drain_s=0.4), Recorder(Held())
    put(aws)
    one = consumer(aws, seen)
    running = asyncio.create_task(one.run())
    await until(lambda: seen.calls)
    aws.sqs.hanging.add(call)
    if call == "receive_message":
        await until(lambda: aws.sqs.fired[call])
    assert await stopped(running, one) < 6
    assert aws.sqs.fired[call] == 1
    assert len(aws.sqs.bodies(QUEUE)) == 1


async def test_a_probe_that_hangs_does_not_hold_up_a_stop() -> None:
    probing = asyncio.Event()

    async def probe() -> None:
        probing.set()
        await asyncio.Event().wait()

    async def away(_: int) -> Outcome:
        raise Unavailable("postgres")

    aws = fake_aws(drain_s=0.4)
    put(aws)
    one = consumer(aws, Recorder(away), probe=probe, times=Times(breaker_open_s=0))
    running = asyncio.create_task(one.run())
    await probing.wait()
    assert await stopped(running, one) < 3
    assert len(aws.sqs.visible(QUEUE)) == 1


async def test_work_that_does_not_end_in_time_goes_back_whether_it_hears_or_not() -> None:
    deaf = asyncio.Event()

    async def hang(call: int) -> Outcome:
        while True:
            try:
                await deaf.wait()
            except asyncio.CancelledError:
                if call == 1:
                    raise
            else:
                return Done()

    aws, seen = fake_aws(drain_s=0.4), Recorder(hang)
    put(aws, 2)
    one = consumer(aws, seen)
    running = asyncio.create_task(one.run())
    await until(lambda: len(seen.calls) == 2)
    assert await stopped(running, one) < 5
    assert len(aws.sqs.visible(QUEUE)) == 2
    deaf.set()


async def test_a_release_that_fails_does_not_skip_the_drain(
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws, held = fake_aws(poll_wait_s=20, drain_s=4), Held()
    seen = Recorder(held)
    put(aws)
    one = consumer(aws, seen, concurrency=2)
    running = asyncio.create_task(one.run())
    await until(lambda: seen.calls)
    aws.sqs.fail("change_message_visibility_batch", client_error("AccessDenied"))
    one.stop()
    put(aws)  # comes with the poll that is still open
    await until(lambda: aws.sqs.fired["change_message_visibility_batch"])
    assert not running.done()  # the first message is still at work
    held.go.set()
    await asyncio.wait_for(running, 5)
    assert len(aws.sqs.bodies(QUEUE)) == 1  # the first is done; the second becomes visible later
    assert "release_failed" in caplog.messages


async def test_a_second_stop_does_not_lengthen_the_first() -> None:
    aws, seen = fake_aws(drain_s=4.0), Recorder(Held())
    put(aws)
    one = consumer(aws, seen)
    running = asyncio.create_task(one.run())
    await until(lambda: seen.calls)
    started = time.monotonic()
    one.stop()
    await asyncio.sleep(2.5)  # counted from here, the work would be cancelled after 6 s
    one.stop()
    await running
    assert 2.9 < time.monotonic() - started < 5.5


@pytest.mark.parametrize("linger_s", [30.0])
async def test_a_stop_ends_the_lingering(linger_s: float) -> None:
    aws, seen = fake_aws(), Recorder()
    put(aws)
    one = consumer(aws, seen, linger_s=linger_s)
    running = asyncio.create_task(one.run())
    await until(lambda: not aws.sqs.bodies(QUEUE))
    assert await stopped(running, one) < 3


async def test_polls_that_break_end_the_run_with_their_error_after_the_drain() -> None:
    aws, held = fake_aws(), Held()
    seen = Recorder(held)
    put(aws)
    one = consumer(aws, seen, concurrency=2)
    running = asyncio.create_task(one.run())
    await until(lambda: seen.calls)
    aws.sqs.fail("receive_message", client_error("AccessDenied"))
    await until(lambda: aws.sqs.fired["receive_message"])
    held.go.set()
    with pytest.raises(Exception, match="AccessDenied"):
        await asyncio.wait_for(running, 5)
    assert aws.sqs.bodies(QUEUE) == []
