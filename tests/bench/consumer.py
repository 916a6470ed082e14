"""Our consumer with a trivial handler against a bare aiobotocore loop of the same batch size."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

from contracts.envelope import Context, wrap
from contracts.ingestion.queries import GetDocumentV1
from shared.aws import Clients
from shared.messaging import Bus, Consumer, open_bus
from shared.messaging.wire import encode
from shared.outcomes import Done, Outcome
from shared.settings import Settings
from tests.bench.emulator import emulator
from tests.bench.figures import Figure

QUEUE = "ingestion-queries"
MESSAGES = 600
ROUNDS = 5
BATCH = 10


async def measure() -> list[Figure]:
    """The median of the ratios of paired rounds, each over 600 messages."""
    async with emulator() as settings, open_bus(settings) as bus:
        pairs = [(await _bare(settings, bus), await _ours(bus)) for _ in range(ROUNDS)]
    ratios = sorted(ours / bare for bare, ours in pairs)
    bare, ours = sorted(pairs)[ROUNDS // 2]
    detail = f"{ours:.0f} against {bare:.0f} messages/s"
    return [Figure("consumer / bare loop", ratios[ROUNDS // 2], 0.8, "", True, detail)]


async def _fill(bus: Bus) -> None:
    body = encode(wrap(GetDocumentV1(document_id="d"), Context(tenant="bench")))
    url = await bus.url(QUEUE)
    for start in range(0, MESSAGES, BATCH):
        entries = [{"Id": str(n), "MessageBody": body} for n in range(start, start + BATCH)]
        await bus._send.send_message_batch(QueueUrl=url, Entries=entries)


async def _bare(settings: Settings, bus: Bus) -> float:
    """Receive ten, delete ten: what nobody can beat without overlapping the two."""
    await _fill(bus)
    url, done = await bus.url(QUEUE), 0
    async with AsyncExitStack() as stack:
        sqs: Any = await Clients(stack, settings).open("sqs")
        started = time.perf_counter()
        while done < MESSAGES:
            answer = await sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=1
            )
            messages = answer.get("Messages", [])
            entries = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                for n, message in enumerate(messages)
            ]
            if entries:
                await sqs.delete_message_batch(QueueUrl=url, Entries=entries)
            done += len(messages)
        return done / (time.perf_counter() - started)


async def _ours(bus: Bus) -> float:
    """From start to the last delete confirmed."""
    await _fill(bus)
    done = 0
    finished = asyncio.Event()

    async def handle(_message: GetDocumentV1, _context: Context) -> Outcome:
        nonlocal done
        done += 1
        if done == MESSAGES:
            finished.set()
        return Done()

    consumer = Consumer(bus, QUEUE, {GetDocumentV1: handle}, concurrency=BATCH)
    started = time.perf_counter()
    task = asyncio.create_task(consumer.run())
    await finished.wait()
    await bus.drain()
    took = time.perf_counter() - started
    consumer.stop()
    await task
    return MESSAGES / took
