"""Forged and poisonous messages on every queue, topic and reply queue: none ends a loop."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psutil
import pytest
import pytest_asyncio

from compose.local.provision import provision
from contracts.envelope import Context, Envelope, wrap
from contracts.ingestion.documents import DeleteDocumentV1, ObjectsDroppedV1
from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1
from contracts.topology import QUEUES, SUBSCRIPTIONS
from services.ingestion.services.intake.foreign import foreign
from shared.blobs import open_blobs
from shared.messaging import Bus, BusPublisher, BusRequester, Consumer, open_bus
from shared.messaging.bus import Parcel
from shared.messaging.redrive import look
from shared.messaging.wire import attributes, encode
from shared.outcomes import Handlers
from shared.settings import Settings
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.probe import until
from shared.testing.running import Recorder, running

MIB = 1024 * 1024
MEMORY_MAX = 50 * MIB
CONTEXT = Context(tenant="acme", principal="ann")
GOOD = wrap(DeleteDocumentV1(document_id="d1"), CONTEXT)
CANARY = "a-very-private-sentence"


def forged(**fields: Any) -> str:
    return json.dumps(json.loads(encode(GOOD)) | fields)


def with_value(value: str) -> str:
    """`value` as it stands in the JSON text."""
    return forged(data={"document_id": "d", "x": "VALUE"}).replace('"VALUE"', value)


DEEP = 100_000
POISON = {
    "deep list": "[" * DEEP + "]" * DEEP,
    "deep object": with_value('{"a":' * (DEEP // 4) + "1" + "}" * (DEEP // 4)),
    "NaN": with_value("NaN"),
    "Infinity": with_value("-Infinity"),
    "a huge number": with_value("1e999"),
    "a number of 5,000 digits": with_value("9" * 5000),
    "a huge version": forged(version=10**300),
    "control characters": CANARY + "\x01\x02\x1f",
    "half a surrogate pair": with_value('"\\ud800"'),
    "a wrong tenant": forged(tenant="../" + CANARY),
    "an unknown type": forged(type="Nonsense", data={CANARY: CANARY}),
    "an unknown version": forged(version=9),
    "an empty object": "{}",
    "an empty body": forged(data={}),
    "a claim check that is not there": forged(data={"$claim": "claims/other/1/"}),
    "a reply to a service": forged(reply_to="memory-events"),
    "1 MiB": "x" * (MIB - 4096),
    "1 MiB of JSON": with_value(json.dumps("x" * (MIB - 8192)))[:-2],
}
OVER_SNS = {name for name, body in POISON.items() if len(body) < 250 * 1024}

_EMULATOR = """
import sys
from shared.testing.emulator import moto_server
with moto_server() as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    """A process of its own, so that what it stores does not count as ours."""
    child = subprocess.Popen(
        [sys.executable, "-c", _EMULATOR],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    yield child.stdout.readline().strip()
    child.communicate(timeout=30)


@pytest_asyncio.fixture
async def bus(moto_url: str) -> AsyncIterator[Bus]:
    settings = Settings(
        aws_endpoint_url=moto_url,
        aws_account=MOTO_ACCOUNT,
        name_prefix=own_prefix(),
        poll_wait_s=1,
        drain_s=5,
    )
    await provision(settings)
    async with open_blobs(settings) as blobs, open_bus(settings, blobs) as opened:
        yield opened


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


async def dead_letters(bus: Bus, queue: str, count: int) -> list[str]:
    async def enough() -> bool:
        return await bus.depth(QUEUES[queue].dead_letters) >= count

    await until(enough, within_s=60, every_s=0.2)
    letters = await look(bus, QUEUES[queue], count + 10)
    return [letter.attributes.get("reason", "") for letter in letters]


@pytest.mark.slow
async def test_poison_on_every_queue_is_a_dead_letter_with_a_reason(bus: Bus) -> None:
    seen = {queue: Recorder() for queue in QUEUES}
    consumers = []
    for queue in QUEUES:
        # S3 tells the queue of documents that it can reach it.
        handlers: Handlers = {DeleteDocumentV1: seen[queue], ObjectsDroppedV1: Recorder()}
        own = foreign if queue == "ingestion-documents" else None
        consumers.append(Consumer(bus, queue, handlers, foreign=own))
    async with running(*consumers):
        await _good(bus, seen, 1)
        before = resident()
        for queue in QUEUES:
            for body in POISON.values():
                await bus.send_parcel(queue, Parcel(body, {}))
        reasons = {queue: await dead_letters(bus, queue, len(POISON)) for queue in QUEUES}
        grown = resident() - before
        await _good(bus, seen, 2)
    for queue, found in reasons.items():
        assert len(found) == len(POISON), queue
        assert all(found), queue
        assert CANARY not in "".join(found)
    assert grown < MEMORY_MAX


async def _good(bus: Bus, seen: dict[str, Recorder], count: int) -> None:
    """A message that can be handled is, on every queue."""
    for queue in QUEUES:
        await bus.send(queue, GOOD)
    await until(lambda: all(len(one.calls) == count for one in seen.values()), within_s=60)


@pytest.mark.slow
async def test_poison_on_every_topic_ends_among_the_dead_letters_of_its_queues(bus: Bus) -> None:
    expected: Counter[str] = Counter()
    for topic, kind in sorted({(one.topic, kind) for one in SUBSCRIPTIONS for kind in one.types}):
        for name in OVER_SNS:
            await bus._sns.publish(
                TopicArn=bus.topic_arn(topic),
                Message=POISON[name],
                MessageAttributes=attributes({"type": kind, "version": "1"}),
            )
        for one in SUBSCRIPTIONS:
            if one.topic == topic and kind in one.types:
                expected[one.queue] += len(OVER_SNS)
    async with running(*(Consumer(bus, queue, {}) for queue in expected)):
        for queue, count in expected.items():
            reasons = await dead_letters(bus, queue, count)
            assert len(reasons) == count, queue
            assert all(reasons), queue
            assert CANARY not in "".join(reasons)


@pytest.mark.slow
async def test_poison_on_reply_queues_is_dropped_and_the_right_reply_is_heard(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    requesters = [BusRequester(bus) for _ in range(2)]
    async with running(*requesters):
        before = resident()
        asked = [
            asyncio.create_task(
                one.ask(
                    "memory-queries",
                    ContextRequestedV1(conversation_id="c1"),
                    ContextAnsweredV1,
                    CONTEXT,
                    60_000,
                )
            )
            for one in requesters
        ]
        requests = await _requests(bus, len(asked))
        answer = ContextAnsweredV1(conversation_id="c1", turns=())
        for request in requests:
            name = request.reply_to or ""
            for body in POISON.values():
                await bus.send_parcel(name, Parcel(body, {}))
            wrong = wrap(answer, request.context().of("other"))
            await bus.send(name, wrong)
        await until(lambda: caplog.messages.count("forged_reply") == 2, within_s=60)
        assert not any(task.done() for task in asked)
        for request in requests:
            await BusPublisher(bus).send(request.reply_to or "", answer, request.context())
        assert await asyncio.gather(*asked) == [answer, answer]
        grown = resident() - before
    assert CANARY not in caplog.text
    assert grown < MEMORY_MAX


async def _requests(bus: Bus, count: int) -> list[Envelope]:
    found: list[Envelope] = []
    while len(found) < count:
        for message in await bus.receive("memory-queries", 10, 1):
            found.append(Envelope.model_validate_json(message.body))
            await bus.delete("memory-queries", message.receipt)
    return found
