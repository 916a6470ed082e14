"""Requests and replies: no reply ends the loop, and only the right one is an answer."""

import asyncio
import json
import time
from typing import Any

import pytest

from contracts.envelope import Context, Envelope, wrap
from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1
from contracts.platform.replies import PongV1, RequestFailedV1
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.messaging import BusRequester
from shared.messaging.reply_queues import ReplyQueues
from shared.messaging.wire import encode
from shared.settings import Settings
from shared.testing.probe import until
from shared.testing.running import running
from tests.unit.shared.fake_aws import Aws, FakeSqs, client_error, fake_aws

QUEUE = "memory-queries"
CONTEXT = Context(tenant="acme", principal="ann")
QUESTION = ContextRequestedV1(conversation_id="c1")
ANSWER = ContextAnsweredV1(conversation_id="c1", turns=())
ALIVE = "ragops:alive-at"


def ask(requester: BusRequester, budget_ms: int = 5000) -> "asyncio.Task[ContextAnsweredV1]":
    return asyncio.create_task(
        requester.ask(QUEUE, QUESTION, ContextAnsweredV1, CONTEXT, budget_ms)
    )


async def request(aws: Aws) -> Envelope:
    """The one that was sent; it is taken from its queue."""
    await until(lambda: aws.sqs.bodies(QUEUE))
    sent = Envelope.model_validate_json(aws.sqs.bodies(QUEUE)[0])
    aws.sqs.queues[QUEUE].messages.clear()
    return sent


def reply(aws: Aws, to: Envelope, **changes: Any) -> None:
    envelope = wrap(ANSWER, to.context()).model_copy(update=changes)
    aws.sqs.put(to.reply_to or "", encode(envelope))


def replies(aws: Aws) -> list[str]:
    (name,) = (name for name in aws.sqs.queues if name.startswith("gateway-replies-"))
    return aws.sqs.bodies(name)


DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000
POISON = {
    "not JSON": "hello",
    "deep": DEEP,
    "deep data": '{"type": "X", "version": 1, "data": ' + DEEP + "}",
    "list": "[]",
    "empty object": "{}",
    "NaN": '{"data": NaN}',
    "half a pair": '{"data": "\\ud800"}',
    "control characters": "\x00\x01",
    "1 MiB": "x" * 1024 * 1024,
    "digits": '{"version": ' + "9" * 5000 + "}",
}


@pytest.mark.parametrize("body", POISON.values(), ids=POISON.keys())
async def test_poison_is_dropped_and_the_next_reply_is_heard(
    body: str, caplog: pytest.LogCaptureFixture
) -> None:
    aws = fake_aws()
    requester = BusRequester(aws.bus)
    async with running(requester):
        asked = ask(requester)
        sent = await request(aws)
        aws.sqs.put(sent.reply_to or "", body)
        await until(lambda: not replies(aws))
        assert not asked.done()
        reply(aws, sent)
        assert await asked == ANSWER
    assert "unreadable_reply" in caplog.messages


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": "other"},
        {"correlation_id": "another"},
        {"causation_id": "unknown"},
        {"causation_id": None},
    ],
    ids=lambda changes: "-".join(changes),
)
async def test_a_reply_that_is_not_to_this_request_is_no_answer(changes: dict[str, Any]) -> None:
    aws = fake_aws()
    requester = BusRequester(aws.bus)
    async with running(requester):
        asked = ask(requester)
        sent = await request(aws)
        reply(aws, sent, **changes)
        await until(lambda: not replies(aws))
        assert not asked.done()
        reply(aws, sent)
        assert await asked == ANSWER


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": 9}, "internal"),
        ({"type": "Nonsense"}, "internal"),
        ({"data": {}}, "internal"),
        ({"type": "Pong", "data": {"service": "x"}}, "internal"),
        ({"type": "RequestFailed", "data": {"code": "gone", "message": "it is"}}, "gone"),
    ],
    ids=lambda case: "-".join(case) if isinstance(case, dict) else case,
)
async def test_a_reply_that_cannot_be_used_is_a_refusal(changes: dict[str, Any], code: str) -> None:
    assert {PongV1.message_type, RequestFailedV1.message_type} == {"Pong", "RequestFailed"}
    aws = fake_aws()
    requester = BusRequester(aws.bus)
    async with running(requester):
        asked = ask(requester)
        reply(aws, await request(aws), **({"version": 1} | changes))
        with pytest.raises(RequestRefused) as caught:
            await asked
    assert caught.value.code == code


async def test_a_late_reply_is_dropped_with_its_claim_check() -> None:
    aws = fake_aws()
    requester = BusRequester(aws.bus)
    async with running(requester):
        asked = ask(requester, 50)
        sent = await request(aws)
        with pytest.raises(DeadlineMissed):
            await asked
        late = wrap(ANSWER, sent.context()).model_copy(update={"data": {"$claim": "x"}})
        key = f"claims/acme/{late.id}/{sent.reply_to}.json"
        aws.blobs.objects[key] = json.dumps({"conversation_id": "c1", "turns": []}).encode()
        aws.sqs.put(sent.reply_to or "", encode(late))
        await until(lambda: not replies(aws))
        await until(lambda: not aws.blobs.objects)


async def test_a_reply_over_the_limit_comes_as_a_claim_check() -> None:
    aws = fake_aws()
    requester = BusRequester(aws.bus)
    async with running(requester):
        asked = ask(requester)
        sent = await request(aws)
        name = sent.reply_to or ""
        big = ANSWER.model_copy(update={"later": "x" * 1024 * 1024})
        await aws.bus.send(name, wrap(big, sent.context()))
        assert len(aws.blobs.objects) == 1
        assert (await asked).model_extra == {"later": "x" * 1024 * 1024}
        await until(lambda: not aws.blobs.objects)


async def test_a_slow_claim_check_holds_up_no_other_reply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aws, go = fake_aws(), asyncio.Event()
    requester, redeem = BusRequester(aws.bus), aws.bus.redeem

    async def slow(queue: str, envelope: Envelope) -> Envelope:
        if "$claim" in envelope.data:
            await go.wait()
        return await redeem(queue, envelope)

    monkeypatch.setattr(aws.bus, "redeem", slow)
    async with running(requester):
        first, second = ask(requester, 300), ask(requester)
        await until(lambda: len(aws.sqs.bodies(QUEUE)) == 2)
        sent = [Envelope.model_validate_json(body) for body in aws.sqs.bodies(QUEUE)]
        reply(aws, sent[0], data={"$claim": "x"})
        reply(aws, sent[1])
        assert await second == ANSWER
        with pytest.raises(DeadlineMissed):
            await first
        go.set()


async def test_an_outage_of_sqs_is_survived() -> None:
    aws = fake_aws()
    requester = BusRequester(aws.bus)
    async with running(requester):
        await until(lambda: aws.sqs.calls["receive_message"] or aws.sqs.calls["get_queue_url"])
        aws.sqs.fail("receive_message", client_error("ServiceUnavailable", 503))
        aws.sqs.fail("send_message", client_error("Throttling"))
        with pytest.raises(Unavailable):
            await ask(requester)
        await until(lambda: aws.sqs.fired["receive_message"])
        asked = ask(requester)
        reply(aws, await request(aws))
        assert await asked == ANSWER
    assert aws.sqs.fired["send_message"] == 1


@pytest.mark.parametrize("failing", [False, True])
async def test_a_stop_ends_the_open_poll_and_removes_the_queue(
    failing: bool, caplog: pytest.LogCaptureFixture
) -> None:
    aws = fake_aws(poll_wait_s=20)
    requester = BusRequester(aws.bus)
    task = asyncio.create_task(requester.run())
    await until(lambda: aws.sqs.calls["get_queue_url"])
    if failing:
        aws.sqs.fail("delete_queue", client_error("ServiceUnavailable", 503))
    started = time.monotonic()
    requester.stop()
    await task
    assert time.monotonic() - started < 3
    assert ("reply_queue_not_removed" in caplog.messages) == failing
    found = [name for name in aws.sqs.queues if name.startswith("gateway-replies-")]
    assert len(found) == failing


async def test_polls_that_break_end_the_run_with_their_error() -> None:
    aws = fake_aws()
    aws.sqs.fail("receive_message", client_error("AccessDenied"))
    with pytest.raises(Exception, match="AccessDenied"):
        await asyncio.wait_for(BusRequester(aws.bus).run(), 10)


# -- upkeep


@pytest.mark.parametrize("call", ["list_queues", "tag_queue"])
async def test_an_upkeep_that_fails_in_part_does_its_other_part(
    call: str, caplog: pytest.LogCaptureFixture
) -> None:
    aws = fake_aws()
    aws.sqs.fail(call, client_error("AccessDenied"), -1)
    requester = BusRequester(aws.bus, upkeep_s=0.01)
    other = "tag_queue" if call == "list_queues" else "list_queues"
    async with running(requester):
        await until(lambda: aws.sqs.fired[call] >= 3)
        before = aws.sqs.calls[other]
        await until(lambda: aws.sqs.calls[other] > before)
    assert caplog.messages.count("reply_queue_upkeep_failed") >= 3


async def test_a_sweep_that_always_fails_leaves_its_own_queue_marked_as_alive() -> None:
    aws = fake_aws()
    aws.sqs.fail("list_queues", client_error("AccessDenied"), -1)
    requester = BusRequester(aws.bus, upkeep_s=0.01)
    async with running(requester):
        await until(lambda: aws.sqs.calls["create_queue"])
        (name,) = (name for name in aws.sqs.queues if name.startswith("gateway-replies-"))
        aws.sqs.queues[name].tags.clear()
        await until(lambda: aws.sqs.queues[name].tags.get(ALIVE))
    assert aws.sqs.fired["list_queues"]


@pytest.mark.parametrize(
    ("tag", "sweeps", "gone"),
    [
        (lambda: "1", 2, False),
        (lambda: "1", 3, True),
        (lambda: None, 3, True),
        (lambda: str(int(time.time())), 9, False),
        (lambda: "yesterday", 9, False),
    ],
    ids=["old, twice", "old, thrice", "no tag", "alive", "unreadable"],
)
async def test_which_queue_is_swept(tag: Any, sweeps: int, gone: bool) -> None:
    sqs = FakeSqs()
    found, value = ReplyQueues(sqs, Settings()), tag()
    for name in ("gateway-replies-a", "gateway-replies-b"):
        await sqs.create_queue(QueueName=name, tags={ALIVE: value} if value else {})
    for _ in range(sweeps):
        await found.sweep("gateway-replies-own")
    assert ("gateway-replies-a" not in sqs.queues) == gone
    assert ("gateway-replies-b" not in sqs.queues) == gone


async def test_one_that_marks_itself_after_an_outage_is_not_swept() -> None:
    sqs = FakeSqs()
    found = ReplyQueues(sqs, Settings())
    await sqs.create_queue(QueueName="gateway-replies-a", tags={ALIVE: "1"})
    for _ in range(5):
        for _ in range(2):
            await found.sweep("gateway-replies-own")
        await ReplyQueues(sqs, Settings()).mark_alive("gateway-replies-a")
        await found.sweep("gateway-replies-own")
        sqs.queues["gateway-replies-a"].tags[ALIVE] = "1"
    assert "gateway-replies-a" in sqs.queues
