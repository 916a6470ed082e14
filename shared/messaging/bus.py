"""SQS and SNS as this system uses them: named channels, batches, separate clients for polling."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.envelope import Envelope
from contracts.topology import QUEUES, TOPICS, Queue
from shared.aws import INTERACTIVE, Clients
from shared.errors import NoSuchObject, TooLarge
from shared.messaging.batch import BATCH_MAX, Batcher
from shared.messaging.reply_queues import ReplyQueues
from shared.messaging.wire import Received, attributes, encode, received, routing
from shared.outage import outages_of
from shared.ports import Blobs
from shared.settings import Settings

CLAIM = "$claim"
# Batched events are never waited for by a person; a call costs more than the wait (docs/adr/0008).
PUBLISH_WAIT_S = 0.2
_SYSTEM_ATTRIBUTES = ["ApproximateReceiveCount", "SentTimestamp", "SenderId"]
_MARGIN_BYTES = 2048  # attributes and the batch's own JSON count towards the limit too


@dataclass(frozen=True, slots=True)
class Parcel:
    """A body on its way, with its attributes."""

    body: str
    attributes: dict[str, dict[str, str]]

    def size(self) -> int:
        return len(self.body.encode()) + _MARGIN_BYTES


class Bus:
    """One a process. Queue and topic names are those of contracts.topology, without prefix."""

    def __init__(
        self, settings: Settings, poll: Any, send: Any, sns: Any, blobs: Blobs | None = None
    ) -> None:
        self.settings = settings
        self._poll, self._send, self._sns, self._blobs = poll, send, sns, blobs
        self.reply_queues = ReplyQueues(send, settings)
        self._urls: dict[str, str] = {}
        self._batchers: dict[tuple[str, str], Batcher[Any]] = {}

    async def url(self, queue: str) -> str:
        if queue not in self._urls:
            with outages_of("sqs"):
                answer = await self._send.get_queue_url(QueueName=self.settings.resource(queue))
            self._urls[queue] = answer["QueueUrl"]
        return self._urls[queue]

    def topic_arn(self, topic: str) -> str:
        s = self.settings
        return f"arn:aws:sns:{s.aws_region}:{s.aws_account}:{s.resource(topic)}"

    # -- sending

    async def send(self, queue: str, envelope: Envelope) -> None:
        parcel = await self._parcel(envelope, _limit_of(queue))
        await self.send_parcel(queue, parcel)

    async def send_parcel(self, queue: str, parcel: Parcel, delay_s: int = 0) -> None:
        with outages_of("sqs"):
            await self._send.send_message(
                QueueUrl=await self.url(queue),
                MessageBody=parcel.body,
                MessageAttributes=parcel.attributes,
                DelaySeconds=delay_s,
            )

    async def publish(self, topic: str, envelope: Envelope, *, batched: bool) -> None:
        limit = TOPICS[topic].limit_bytes
        parcel = await self._parcel(envelope, limit)
        if batched:
            await self._batcher("publish", topic, limit).add(parcel)
            return
        with outages_of("sns"):
            await self._sns.publish(
                TopicArn=self.topic_arn(topic),
                Message=parcel.body,
                MessageAttributes=parcel.attributes,
            )

    async def _parcel(self, envelope: Envelope, limit: int) -> Parcel:
        """The envelope's body; above the channel's limit its data goes to S3 as a claim check."""
        parcel = Parcel(encode(envelope), routing(envelope))
        if parcel.size() <= limit:
            return parcel
        if self._blobs is None:
            raise TooLarge(f"{envelope.type}: {parcel.size()} bytes are over the limit of {limit}")
        key = f"claims/{envelope.tenant}/{envelope.id}.json"
        await self._blobs.put(key, json.dumps(envelope.data).encode())
        claim = envelope.model_copy(update={"data": {CLAIM: key}})
        return Parcel(encode(claim), routing(envelope))

    async def redeem(self, envelope: Envelope) -> Envelope:
        """The envelope with its data back from S3. A tenant can redeem only its own claims."""
        key = envelope.data.get(CLAIM)
        if key is None or self._blobs is None:
            return envelope
        if not str(key).startswith(f"claims/{envelope.tenant}/"):
            raise NoSuchObject(f"{key} is no claim of {envelope.tenant}")
        data = json.loads(await self._blobs.get(str(key)))
        return envelope.model_copy(update={"data": data})

    # -- receiving

    async def receive(self, queue: str, count: int, wait_s: int) -> list[Received]:
        with outages_of("sqs"):
            answer = await self._poll.receive_message(
                QueueUrl=await self.url(queue),
                MaxNumberOfMessages=min(count, BATCH_MAX),
                WaitTimeSeconds=wait_s,
                MessageSystemAttributeNames=_SYSTEM_ATTRIBUTES,
                MessageAttributeNames=["All"],
            )
        return [received(raw) for raw in answer.get("Messages", [])]

    async def delete(self, queue: str, receipt: str) -> None:
        await self._batcher("delete", queue).add(receipt)

    async def hide(self, queue: str, receipts: Sequence[str], seconds: int) -> list[bool]:
        """Sets the visibility; False for a receipt whose lease is lost."""
        entries = [
            {"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for n, receipt in enumerate(receipts)
        ]
        kept: set[int] = set()
        for start in range(0, len(entries), BATCH_MAX):
            with outages_of("sqs"):
                answer = await self._send.change_message_visibility_batch(
                    QueueUrl=await self.url(queue), Entries=entries[start : start + BATCH_MAX]
                )
            kept |= {int(entry["Id"]) for entry in answer.get("Successful", [])}
        return [n in kept for n in range(len(receipts))]

    async def depth(self, queue: str) -> int:
        """Messages that could be received now, as the broker estimates."""
        with outages_of("sqs"):
            answer = await self._send.get_queue_attributes(
                QueueUrl=await self.url(queue), AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    async def bury(self, queue: Queue, message: Received, reason: str, event_id: str = "") -> None:
        """Puts a copy with the reason among the dead letters; the caller deletes the original."""
        facts = {
            "reason": reason[:1000],
            "source": queue.name,
            "failed_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "event_id": event_id,
        }
        kept = {**message.attributes, **facts}
        await self.send_parcel(queue.dead_letters, Parcel(message.body, attributes(kept)))

    # -- batches

    def _batcher(self, verb: str, channel: str, limit: int = 1 << 30) -> Batcher[Any]:
        key = (verb, channel)
        if key not in self._batchers:
            if verb == "publish":
                self._batchers[key] = Batcher(
                    lambda items: self._publish_batch(channel, items),
                    Parcel.size,
                    limit,
                    PUBLISH_WAIT_S,
                )
            else:
                self._batchers[key] = Batcher(lambda items: self._delete_batch(channel, items))
        return self._batchers[key]

    async def _publish_batch(self, topic: str, parcels: Sequence[Parcel]) -> Mapping[str, Any]:
        entries = [
            {"Id": str(n), "Message": parcel.body, "MessageAttributes": parcel.attributes}
            for n, parcel in enumerate(parcels)
        ]
        with outages_of("sns"):
            answer: Mapping[str, Any] = await self._sns.publish_batch(
                TopicArn=self.topic_arn(topic), PublishBatchRequestEntries=entries
            )
        return answer

    async def _delete_batch(self, queue: str, receipts: Sequence[str]) -> Mapping[str, Any]:
        entries = [{"Id": str(n), "ReceiptHandle": receipt} for n, receipt in enumerate(receipts)]
        with outages_of("sqs"):
            answer: Mapping[str, Any] = await self._send.delete_message_batch(
                QueueUrl=await self.url(queue), Entries=entries
            )
        return answer

    async def drain(self) -> None:
        await asyncio.gather(*(batcher.drain() for batcher in self._batchers.values()))


def _limit_of(queue: str) -> int:
    return QUEUES[queue].limit_bytes if queue in QUEUES else 1024 * 1024


@asynccontextmanager
async def open_bus(settings: Settings, blobs: Blobs | None = None) -> AsyncIterator[Bus]:
    """Polling has a client of its own, since long polls would starve sends and deletes."""
    async with AsyncExitStack() as stack:
        clients = Clients(stack, settings)
        poll = await clients.open("sqs", read_timeout_s=settings.poll_wait_s + 10)
        send = await clients.open("sqs", retries=INTERACTIVE, read_timeout_s=10)
        sns = await clients.open("sns", retries=INTERACTIVE, read_timeout_s=10)
        bus = Bus(settings, poll, send, sns, blobs)
        try:
            yield bus
        finally:
            await bus.drain()
