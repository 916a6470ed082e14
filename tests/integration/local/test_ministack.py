"""What we add to ministack: what was saved survives a kill -9, a poll ends with a message."""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from compose.local.environment import ACCOUNT
from compose.local.layout import REPOSITORY, Layout
from compose.local.ministack.generations import Generations
from compose.local.parts.ministack import ministack
from compose.local.ports import free_ports
from compose.local.process_list import ProcessList
from compose.local.progress import Silent
from compose.local.provision import provision
from compose.local.supervised import Supervised
from contracts.topology import TURNS_TABLE
from shared.aws import Clients
from shared.settings import Settings
from shared.testing.probe import until

QUEUE = "memory-events"
# ministack alone looks every 100 ms; the median of five is below that even on a busy machine.
WAKES_WITHIN_S = 0.05


@dataclass
class Emulator:
    """One process with clients for it."""

    layout: Layout
    part: Supervised
    settings: Settings
    sqs: Any
    sns: Any
    s3: Any
    dynamodb: Any

    async def url(self, queue: str = QUEUE) -> str:
        return str((await self.sqs.get_queue_url(QueueName=queue))["QueueUrl"])

    async def receive(self, wait_s: int, **more: Any) -> list[dict[str, Any]]:
        answer = await self.sqs.receive_message(
            QueueUrl=await self.url(), WaitTimeSeconds=wait_s, MaxNumberOfMessages=10, **more
        )
        return list(answer.get("Messages", []))

    async def saved(self) -> None:
        """Returns when a generation that was begun after this call is on disk."""
        for _ in range(2):  # the first may have been on its way already
            await self.sqs.tag_queue(QueueUrl=await self.url(), Tags={"t": str(time.time())})
            before = self.newest()
            await until(partial(self._is_newer_than, before))

    def newest(self) -> Path:
        return Generations(self.layout.emulator).newest()

    def _is_newer_than(self, generation: Path) -> bool:
        return self.newest() != generation


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    layout = Layout(tmp_path)
    layout.prepare()
    (port,) = free_ports(1)
    part = ministack(layout, port, save_interval_s=0.1)
    supervised = Supervised(part, layout.logs, ProcessList(layout.processes), Silent())
    await supervised.start()
    settings = Settings(aws_endpoint_url=f"http://127.0.0.1:{port}", aws_account=ACCOUNT)
    async with AsyncExitStack() as stack:
        clients = Clients(stack, settings)
        names = ("sqs", "sns", "s3", "dynamodb")
        made = [await clients.open(name) for name in names]
        await provision(settings)
        yield Emulator(layout, supervised, settings, *made)
    await supervised.stop(asyncio.Event())


async def test_after_a_kill_9_messages_subscriptions_and_rows_are_there(
    emulator: Emulator,
) -> None:
    url = await emulator.url()
    for n in range(20):
        await emulator.sqs.send_message(QueueUrl=url, MessageBody=f"message {n}")
    in_flight = await emulator.receive(0, VisibilityTimeout=1)
    assert in_flight
    row = {"conversation": {"S": "c"}, "moment": {"S": "m"}}
    await emulator.dynamodb.put_item(TableName=TURNS_TABLE, Item=row)
    await emulator.saved()

    await emulator.part.hold()
    await emulator.part.start()

    bodies: set[str] = set()

    async def all_came() -> bool:
        bodies.update(message["Body"] for message in await emulator.receive(0))
        return len(bodies) == 20

    await until(all_came)
    found = await emulator.dynamodb.get_item(TableName=TURNS_TABLE, Key=row)
    assert found["Item"] == row
    await _publish(emulator)
    assert len(await emulator.receive(5)) == 1


async def test_a_deleted_message_does_not_come_back(emulator: Emulator) -> None:
    url = await emulator.url()
    for body in ("kept", "deleted"):
        await emulator.sqs.send_message(QueueUrl=url, MessageBody=body)
    await emulator.saved()
    for message in await emulator.receive(0, VisibilityTimeout=0):
        if message["Body"] == "deleted":
            await emulator.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    await emulator.saved()
    await emulator.part.hold()
    await emulator.part.start()
    assert [message["Body"] for message in await emulator.receive(0)] == ["kept"]


async def test_it_is_not_saved_again_while_nothing_changes(emulator: Emulator) -> None:
    await emulator.saved()
    newest = emulator.newest()
    assert await emulator.receive(2) == []  # twenty intervals
    assert emulator.newest() == newest


async def _send(emulator: Emulator) -> None:
    await emulator.sqs.send_message(QueueUrl=await emulator.url(), MessageBody="{}")


async def _send_batch(emulator: Emulator) -> None:
    entries = [{"Id": "a", "MessageBody": "{}"}]
    await emulator.sqs.send_message_batch(QueueUrl=await emulator.url(), Entries=entries)


async def _publish(emulator: Emulator) -> None:
    place = f"{emulator.settings.aws_region}:{emulator.settings.aws_account}"
    await emulator.sns.publish(
        TopicArn=f"arn:aws:sns:{place}:turns",
        Message="{}",
        MessageAttributes={"type": {"DataType": "String", "StringValue": "TurnCompleted"}},
    )


@pytest.mark.parametrize("put", [_send, _send_batch, _publish])
async def test_a_waiting_receive_ends_with_the_message(
    emulator: Emulator, put: Callable[[Emulator], Awaitable[None]]
) -> None:
    took = []
    for _ in range(5):
        waiting = asyncio.create_task(emulator.receive(10))
        await _polled(emulator)
        await put(emulator)
        began = time.monotonic()
        (message,) = await waiting
        took.append(time.monotonic() - began)
        await emulator.sqs.delete_message(
            QueueUrl=await emulator.url(), ReceiptHandle=message["ReceiptHandle"]
        )
    assert sorted(took)[2] < WAKES_WITHIN_S, took


async def test_a_waiting_receive_ends_with_a_notification_of_s3(emulator: Emulator) -> None:
    url = await emulator.url("ingestion-documents")
    await emulator.sqs.purge_queue(QueueUrl=url)  # S3 tests the way when it is made
    waiting = asyncio.create_task(emulator.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10))
    await _polled(emulator)
    began = time.monotonic()
    bucket = emulator.settings.carrier_bucket
    await emulator.s3.put_object(Bucket=bucket, Key="inbox/demo/a.txt", Body=b"text")
    (message,) = (await waiting)["Messages"]
    assert "demo/a.txt" in unquote_plus(message["Body"])
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("visible_in_s", [0, 1])
async def test_a_waiting_receive_ends_when_a_message_is_given_back(
    emulator: Emulator, visible_in_s: int
) -> None:
    await _send(emulator)
    (held,) = await emulator.receive(0, VisibilityTimeout=600)
    waiting = asyncio.create_task(emulator.receive(10))
    await _polled(emulator)
    began = time.monotonic()
    await emulator.sqs.change_message_visibility(
        QueueUrl=await emulator.url(),
        ReceiptHandle=held["ReceiptHandle"],
        VisibilityTimeout=visible_in_s,
    )
    (message,) = await waiting
    assert message["MessageId"] == held["MessageId"]
    assert visible_in_s - 0.2 < time.monotonic() - began < visible_in_s + 3


async def test_a_waiting_receive_ends_when_a_delayed_message_is_due(emulator: Emulator) -> None:
    waiting = asyncio.create_task(emulator.receive(10))
    await _polled(emulator)
    began = time.monotonic()
    await emulator.sqs.send_message(QueueUrl=await emulator.url(), MessageBody="{}", DelaySeconds=1)
    assert len(await waiting) == 1
    assert 0.8 < time.monotonic() - began < 4


async def test_a_receive_that_gets_nothing_ends_in_time_whatever_is_in_flight(
    emulator: Emulator,
) -> None:
    await _send(emulator)
    assert await emulator.receive(0, VisibilityTimeout=600)
    began = time.monotonic()
    assert await emulator.receive(1) == []
    assert 0.9 < time.monotonic() - began < 4


async def _polled(emulator: Emulator) -> None:
    """Returns when a receive that was begun before has reached the emulator."""
    for _ in range(3):
        await emulator.sqs.get_queue_attributes(QueueUrl=await emulator.url())
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("module", "name"), [("core.concurrency", "esm_wake"), ("app", "_build_persistence_save_dict")]
)
def test_another_ministack_is_refused_with_the_way_out(
    tmp_path: Path, module: str, name: str
) -> None:
    remove = f"import ministack.{module} as changed; del changed.{name}"
    told = subprocess.run(
        [
            str(REPOSITORY / ".venv-emulator" / "bin" / "python"),
            "-c",
            f"{remove}; import compose.local.ministack.app",
        ],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "RAGOPS_EMULATOR_STATE": str(tmp_path),
            "RAGOPS_EMULATOR_SAVE_INTERVAL_S": "2",
        },
        capture_output=True,
        text=True,
    )
    assert told.returncode != 0
    assert f"has no {module}.{name}" in told.stderr
    assert "Pin that version" in told.stderr
    assert "Traceback" not in told.stderr
