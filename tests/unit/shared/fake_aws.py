"""SQS and SNS in memory, with the call shapes of aiobotocore and faults that a test scripts."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from contracts.topology import QUEUES, SUBSCRIPTIONS
from shared.messaging import Bus
from shared.settings import Settings
from shared.testing.fakes import FakeBlobs

T = TypeVar("T")
Answer = dict[str, Any]
Entries = Sequence[Mapping[str, Any]]
_LONG_AGO = 0.0
# Body and attributes together.
SQS_LIMIT = 1024 * 1024


def client_error(code: str, status: int = 400, message: str = "no") -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "Operation")


class QueueDoesNotExist(ClientError):
    """As boto makes it for the code."""


@dataclass
class Fault:
    """Strikes the next `left` calls; `after`: the call takes effect, and its answer is lost."""

    error: Exception
    left: int
    after: bool


class Faulty:
    """Calls that fail or hang when a test says so; `calls` and `fired` count by operation."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.fired: Counter[str] = Counter()
        self.hanging: set[str] = set()
        self._faults: dict[str, list[Fault]] = {}
        self._answers: dict[str, list[Answer]] = {}

    def fail(self, call: str, error: Exception, times: int = 1, *, after: bool = False) -> None:
        self._faults.setdefault(call, []).append(Fault(error, times, after))

    def answer(self, call: str, *answers: Answer) -> None:
        """The next answers of a call, in place of its effect."""
        self._answers.setdefault(call, []).extend(answers)

    async def _do(self, call: str, effect: Callable[[], T]) -> T:
        self.calls[call] += 1
        await asyncio.sleep(0)
        if call in self.hanging:
            self.fired[call] += 1
            await asyncio.Event().wait()
        fault = next((one for one in self._faults.get(call, []) if one.left), None)
        if fault is not None:
            fault.left -= 1
            self.fired[call] += 1
            if fault.after:
                effect()
            raise fault.error
        if self._answers.get(call):
            self.fired[call] += 1
            return self._answers[call].pop(0)  # type: ignore[return-value]
        return effect()


@dataclass
class Held:
    """A message in its queue."""

    id: str
    body: str
    attributes: Mapping[str, Any]
    sent_at_ms: int
    sender: str = "AROASENDER:test"
    receives: int = 0
    visible_at: float = _LONG_AGO
    receipt: str = ""


@dataclass
class QueueState:
    messages: list[Held] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


class FakeSqs(Faulty):
    """A queue's URL is its name. `visibility_s` holds for every queue."""

    exceptions = SimpleNamespace(QueueDoesNotExist=QueueDoesNotExist)

    def __init__(self, visibility_s: float = 30.0) -> None:
        super().__init__()
        self.visibility_s = visibility_s
        names = [name for queue in QUEUES.values() for name in (queue.name, queue.dead_letters)]
        self.queues = {name: QueueState() for name in names}
        self._numbers = itertools.count(1)
        self._arrived = asyncio.Event()

    # -- what a test does and sees

    def put(self, queue: str, body: str, **fields: Any) -> Held:
        held = Held(f"m{next(self._numbers)}", body, {}, round(time.time() * 1000))
        for name, value in fields.items():
            setattr(held, name, value)
        self.queues[queue].messages.append(held)
        self._arrived.set()
        return held

    def visible(self, queue: str) -> list[Held]:
        now = time.monotonic()
        return [one for one in self.queues[queue].messages if one.visible_at <= now]

    def bodies(self, queue: str) -> list[str]:
        return [one.body for one in self.queues[queue].messages]

    def reasons(self, queue: str) -> list[str]:
        dead = self.queues[QUEUES[queue].dead_letters].messages
        return [one.attributes["reason"]["StringValue"] for one in dead]

    # -- boto's calls

    async def get_queue_url(self, *, QueueName: str) -> Answer:  # noqa: N803 (boto's names)
        def found() -> Answer:
            self._state(QueueName)
            return {"QueueUrl": QueueName}

        return await self._do("get_queue_url", found)

    async def create_queue(self, *, QueueName: str, tags: dict[str, str], **_: Any) -> Answer:  # noqa: N803
        def made() -> Answer:
            self.queues[QueueName] = QueueState(tags=dict(tags))
            return {"QueueUrl": QueueName}

        return await self._do("create_queue", made)

    async def delete_queue(self, *, QueueUrl: str) -> Answer:  # noqa: N803
        return await self._do("delete_queue", lambda: {"gone": self.queues.pop(QueueUrl, None)})

    async def list_queues(self, *, QueueNamePrefix: str) -> Answer:  # noqa: N803
        def found() -> Answer:
            return {"QueueUrls": [name for name in self.queues if name.startswith(QueueNamePrefix)]}

        return await self._do("list_queues", found)

    async def tag_queue(self, *, QueueUrl: str, Tags: dict[str, str]) -> Answer:  # noqa: N803
        def tagged() -> Answer:
            self._state(QueueUrl).tags.update(Tags)
            return {}

        return await self._do("tag_queue", tagged)

    async def list_queue_tags(self, *, QueueUrl: str) -> Answer:  # noqa: N803
        return await self._do("list_queue_tags", lambda: {"Tags": self._state(QueueUrl).tags})

    async def get_queue_attributes(self, *, QueueUrl: str, **_: Any) -> Answer:  # noqa: N803
        def told() -> Answer:
            waiting, every = len(self.visible(QueueUrl)), len(self._state(QueueUrl).messages)
            names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
            return {"Attributes": dict(zip(names, (waiting, every - waiting), strict=True))}

        return await self._do("get_queue_attributes", told)

    async def send_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        MessageBody: str,  # noqa: N803
        MessageAttributes: Mapping[str, Any],  # noqa: N803
        **_: Any,
    ) -> Answer:
        def sent() -> Answer:
            self._state(QueueUrl)
            texts = [
                text for name, one in MessageAttributes.items() for text in (name, *one.values())
            ]
            if sum(len(text.encode()) for text in (MessageBody, *texts)) > SQS_LIMIT:
                raise client_error("InvalidParameterValue")
            return {"MessageId": self.put(QueueUrl, MessageBody, attributes=MessageAttributes).id}

        return await self._do("send_message", sent)

    async def receive_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        MaxNumberOfMessages: int,  # noqa: N803
        WaitTimeSeconds: int,  # noqa: N803
        VisibilityTimeout: float | None = None,  # noqa: N803
        **_: Any,
    ) -> Answer:
        end = time.monotonic() + WaitTimeSeconds
        while not self.visible(QueueUrl) and time.monotonic() < end:
            self._arrived.clear()
            try:
                async with asyncio.timeout(0.02):  # a hidden one may have become visible
                    await self._arrived.wait()
            except TimeoutError:
                continue
        hidden_s = self.visibility_s if VisibilityTimeout is None else VisibilityTimeout

        def taken() -> Answer:
            messages = self.visible(QueueUrl)[:MaxNumberOfMessages]
            return {"Messages": [self._take(one, hidden_s) for one in messages]}

        return await self._do("receive_message", taken)

    def _take(self, held: Held, hidden_s: float) -> Answer:
        held.receives += 1
        held.visible_at = time.monotonic() + hidden_s
        held.receipt = f"{held.id}-{held.receives}"
        return {
            "MessageId": held.id,
            "ReceiptHandle": held.receipt,
            "Body": held.body,
            "Attributes": {
                "ApproximateReceiveCount": str(held.receives),
                "SentTimestamp": str(held.sent_at_ms),
                "SenderId": held.sender,
            },
            "MessageAttributes": held.attributes,
        }

    async def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Entries) -> Answer:  # noqa: N803
        def change(held: Held, entry: Mapping[str, Any]) -> None:
            held.visible_at = time.monotonic() + entry["VisibilityTimeout"]
            self._arrived.set()

        return await self._batch("change_message_visibility_batch", QueueUrl, Entries, change)

    async def delete_message_batch(self, *, QueueUrl: str, Entries: Entries) -> Answer:  # noqa: N803
        def delete(held: Held, _entry: Mapping[str, Any]) -> None:
            self.queues[QueueUrl].messages.remove(held)

        return await self._batch("delete_message_batch", QueueUrl, Entries, delete)

    async def _batch(
        self,
        call: str,
        url: str,
        entries: Entries,
        change: Callable[[Held, Mapping[str, Any]], None],
    ) -> Answer:
        """Only the newest receipt of a message counts."""

        def changed() -> Answer:
            by_receipt = {one.receipt: one for one in self._state(url).messages}
            answer: Answer = {"Successful": [], "Failed": []}
            for entry in entries:
                held = by_receipt.get(entry["ReceiptHandle"])
                if held is None:
                    fault = {"Code": "ReceiptHandleIsInvalid", "SenderFault": True}
                    answer["Failed"].append({"Id": entry["Id"], **fault})
                else:
                    change(held, entry)
                    answer["Successful"].append({"Id": entry["Id"]})
            return answer

        return await self._do(call, changed)

    def _state(self, url: str) -> QueueState:
        if url not in self.queues:
            told = client_error("AWS.SimpleQueueService.NonExistentQueue")
            raise QueueDoesNotExist(told.response, "Operation")
        return self.queues[url]


class FakeSns(Faulty):
    """Delivers into the queues of contracts.topology that want the type."""

    def __init__(self, sqs: FakeSqs) -> None:
        super().__init__()
        self._sqs = sqs

    async def publish(
        self,
        *,
        TopicArn: str,  # noqa: N803
        Message: str,  # noqa: N803
        MessageAttributes: Mapping[str, Any],  # noqa: N803
    ) -> Answer:
        def sent() -> Answer:
            self._deliver(TopicArn, Message, MessageAttributes)
            return {}

        return await self._do("publish", sent)

    async def publish_batch(self, *, TopicArn: str, PublishBatchRequestEntries: Entries) -> Answer:  # noqa: N803
        def sent() -> Answer:
            for entry in PublishBatchRequestEntries:
                self._deliver(TopicArn, entry["Message"], entry["MessageAttributes"])
            return {"Successful": [{"Id": entry["Id"]} for entry in PublishBatchRequestEntries]}

        return await self._do("publish_batch", sent)

    def _deliver(self, arn: str, body: str, attributes: Mapping[str, Any]) -> None:
        topic, kind = arn.rpartition(":")[2], attributes["type"]["StringValue"]
        for one in SUBSCRIPTIONS:
            if one.topic == topic and kind in one.types:
                self._sqs.put(one.queue, body, attributes=attributes)


@dataclass
class Aws:
    """A bus and what is behind it."""

    bus: Bus
    sqs: FakeSqs
    sns: FakeSns
    blobs: FakeBlobs


def fake_aws(*, visibility_s: float = 30.0, poll_wait_s: int = 1, drain_s: float = 2.0) -> Aws:
    sqs, blobs = FakeSqs(visibility_s), FakeBlobs()
    sns = FakeSns(sqs)
    settings = Settings(poll_wait_s=poll_wait_s, drain_s=drain_s)
    return Aws(Bus(settings, sqs, sqs, sns, blobs), sqs, sns, blobs)
