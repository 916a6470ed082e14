"""SQS and SNS as this system uses them: named channels, batches, separate clients for polling."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from contracts.envelope import Envelope
from contracts.topology import CLAIMS_PREFIX, QUEUES, SUBSCRIPTIONS, TOPICS, Queue
from shared.aws import INTERACTIVE, Clients, account_of
from shared.errors import TooLarge
from shared.messaging.batch import BATCH_MAX, Batcher
from shared.messaging.reply_queues import ReplyQueues
from shared.messaging.wire import (
    ATTRIBUTES,
    Received,
    Undecodable,
    attributes,
    encode,
    parsed,
    received,
    routing,
    sendable,
)
from shared.outage import outages_of
from shared.ports import Blobs
from shared.settings import Settings

logger = logging.getLogger(__name__)
# In place of the data: the folder in the carrier bucket that holds it, one object a receiver.
CLAIM_CHECK = "$claim"
# In place of a dead letter's body that leaves no room for the reason.
PARKED = "$parked"
# No tenant's name begins with a dash.
_PARKED_PREFIX = f"{CLAIMS_PREFIX}-dead-letters/"
# Batched events are never waited for by a person; a call costs more than the wait (docs/adr/0008).
PUBLISH_WAIT_S = 0.2
# After a pause nobody is about to come: what a single document tells goes out at once.
PUBLISH_FIRST_S = 0.01
_DEPTHS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_SYSTEM_ATTRIBUTES = ["ApproximateReceiveCount", "SentTimestamp", "SenderId"]
# A batch's own JSON round each message counts towards the limit too.
_MARGIN_BYTES = 1024
# Whoever waits for a batch has ended by the time the bus closes.
_DRAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Parcel:
    """A body on its way, with its attributes."""

    body: str
    attributes: dict[str, dict[str, str]]

    def size(self) -> int:
        """Bytes as SQS and SNS count them: the body, and attributes' names, types and values."""
        texts = [part for name, one in self.attributes.items() for part in (name, *one.values())]
        return len(self.body.encode()) + sum(len(part.encode()) for part in texts)


@dataclass(frozen=True, slots=True)
class Depth:
    """Messages that could be received now, are being worked on, or wait for their time."""

    waiting: int
    in_flight: int
    delayed: int


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
        parcel = await self._parcel(envelope, _limit_of(queue), [queue])
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
        parcel = await self._parcel(envelope, limit, _receivers(topic, envelope.type))
        if batched:
            await self._batcher("publish", topic, limit).add(parcel)
            return
        with outages_of("sns"):
            await self._sns.publish(
                TopicArn=self.topic_arn(topic),
                Message=parcel.body,
                MessageAttributes=parcel.attributes,
            )

    async def _parcel(self, envelope: Envelope, limit: int, queues: Sequence[str]) -> Parcel:
        """The envelope's body; above the channel's limit its data goes to S3 as a claim check.

        Each queue gets a copy of its own, which its consumer deletes when the message is done.
        """
        parcel = Parcel(encode(envelope), routing(envelope))
        if _in_batch(parcel) <= limit:
            return parcel
        if self._blobs is None:
            raise TooLarge(f"{envelope.type}: {parcel.size()} bytes are over the limit of {limit}")
        folder = _claim_folder(envelope)
        body = json.dumps(envelope.data).encode()
        await asyncio.gather(*(self._blobs.put(f"{folder}{queue}.json", body) for queue in queues))
        check = envelope.model_copy(update={"data": {CLAIM_CHECK: folder}})
        return Parcel(encode(check), routing(envelope))

    async def redeem(self, queue: str, envelope: Envelope) -> Envelope:
        """The envelope with its data back from S3. Where that lies is told by the envelope alone.

        Raises NoSuchObject, Undecodable or Unavailable.
        """
        if self._blobs is None or CLAIM_CHECK not in envelope.data:
            return envelope
        body = await self._blobs.get(f"{_claim_folder(envelope)}{queue}.json")
        try:
            data = parsed(body.decode())
        except UnicodeDecodeError:
            raise Undecodable("the claim check's object: not UTF-8") from None
        except Undecodable as error:
            raise Undecodable(f"the claim check's object: {error}") from None
        return envelope.model_copy(update={"data": data})

    async def delete_claim_check(self, queue: str, envelope: Envelope) -> None:
        """After the message is done. What is left by a failure expires with the prefix."""
        if self._blobs is not None and CLAIM_CHECK in envelope.data:
            await self._blobs.delete(f"{_claim_folder(envelope)}{queue}.json")

    # -- receiving

    async def receive(self, queue: str, count: int, wait_s: int) -> list[Received]:
        with outages_of("sqs"):
            answer = await self._poll.receive_message(
                QueueUrl=await self.url(queue),
                MaxNumberOfMessages=min(count, BATCH_MAX),
                WaitTimeSeconds=wait_s,
                MessageSystemAttributeNames=_SYSTEM_ATTRIBUTES,
                MessageAttributeNames=list(ATTRIBUTES),
            )
        return [received(raw) for raw in answer.get("Messages", [])]

    async def oldest_sent_ms(self, queue: str) -> int | None:
        """When the oldest of up to ten waiting messages was sent (epoch). They stay visible.

        Each look counts as a receive of these messages, so this is for operators only.
        """
        with outages_of("sqs"):
            answer = await self._poll.receive_message(
                QueueUrl=await self.url(queue),
                MaxNumberOfMessages=BATCH_MAX,
                WaitTimeSeconds=0,
                VisibilityTimeout=0,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        sent = [received(raw).sent_at_ms for raw in answer.get("Messages", [])]
        return min(sent, default=None)

    async def delete(self, queue: str, receipt: str) -> None:
        await self._batcher("delete", queue).add(receipt)

    async def hide(self, queue: str, receipts: Sequence[str], seconds: int) -> set[str]:
        """Sets the visibility; returns the receipts whose lease is lost.

        A lease is lost when the provider says so of this receipt. Where it failed itself, or left
        the receipt out of its answer, nobody knows: such a lease counts as held.
        """
        lost: set[str] = set()
        for start in range(0, len(receipts), BATCH_MAX):
            batch = receipts[start : start + BATCH_MAX]
            entries = [
                {"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                for n, receipt in enumerate(batch)
            ]
            with outages_of("sqs"):
                answer = await self._send.change_message_visibility_batch(
                    QueueUrl=await self.url(queue), Entries=entries
                )
            lost |= {
                batch[int(entry["Id"])]
                for entry in answer.get("Failed", [])
                if entry.get("SenderFault", True)
            }
        return lost

    async def depth(self, queue: str) -> int:
        """Messages that could be received now, as the broker estimates."""
        return (await self.depths(queue)).waiting

    async def depths(self, queue: str) -> Depth:
        """How many messages a queue holds, as the broker estimates."""
        with outages_of("sqs"):
            answer = await self._send.get_queue_attributes(
                QueueUrl=await self.url(queue), AttributeNames=list(_DEPTHS)
            )
        return Depth(*(int(answer["Attributes"].get(name, 0)) for name in _DEPTHS))

    # -- dead letters

    async def dead_letter(
        self, queue: Queue, message: Received, reason: str, event_id: str = ""
    ) -> None:
        """Puts a copy with the reason among the dead letters; the caller deletes the original."""
        facts = {
            "reason": reason,
            "source": queue.name,
            "failed_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "event_id": event_id,
        }
        parcel = Parcel(sendable(message.body), attributes({**message.kept, **facts}))
        if parcel.size() > queue.limit_bytes and self._blobs is not None:
            key = f"{_PARKED_PREFIX}{message.id}.json"
            await self._blobs.put(key, parcel.body.encode())
            parcel = Parcel(json.dumps({PARKED: key}), parcel.attributes)
        await self.send_parcel(queue.dead_letters, parcel)

    async def body_of(self, dead_letter: Received) -> str:
        """The body as it was sent, also when it had to be parked. Raises NoSuchObject."""
        key = _parked(dead_letter.body)
        if key is None or self._blobs is None:
            return dead_letter.body
        return (await self._blobs.get(key)).decode()

    async def delete_parked(self, dead_letter: Received) -> None:
        key = _parked(dead_letter.body)
        if key is not None and self._blobs is not None:
            await self._blobs.delete(key)

    # -- batches

    def _batcher(self, verb: str, channel: str, limit: int = 1 << 30) -> Batcher[Any]:
        key = (verb, channel)
        if key not in self._batchers:
            if verb == "publish":
                self._batchers[key] = Batcher(
                    lambda items: self._publish_batch(channel, items),
                    "sns",
                    _in_batch,
                    limit,
                    PUBLISH_WAIT_S,
                    PUBLISH_FIRST_S,
                )
            else:
                self._batchers[key] = Batcher(
                    lambda items: self._delete_batch(channel, items), "sqs"
                )
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

    async def drain(self, within_s: float = _DRAIN_S) -> None:
        """Sends what waits for a batch to fill; who sent what is left gets no confirmation."""
        try:
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(one.drain() for one in self._batchers.values()))
        except TimeoutError:
            logger.warning("batches_not_sent", extra={"fields": {"within_s": within_s}})


def _in_batch(parcel: Parcel) -> int:
    return parcel.size() + _MARGIN_BYTES


def _receivers(topic: str, kind: str) -> list[str]:
    return [one.queue for one in SUBSCRIPTIONS if one.topic == topic and kind in one.types]


def _claim_folder(envelope: Envelope) -> str:
    """The id is the sender's word, so it is kept from reaching into another folder."""
    return f"{CLAIMS_PREFIX}{envelope.tenant}/{quote(envelope.id, safe='')}/"


def _parked(body: str) -> str | None:
    if not body.startswith(f'{{"{PARKED}"'):
        return None
    try:
        key = parsed(body).get(PARKED)
    except Undecodable:
        return None
    return key if isinstance(key, str) and key.startswith(_PARKED_PREFIX) else None


def _limit_of(queue: str) -> int:
    return QUEUES[queue].limit_bytes if queue in QUEUES else 1024 * 1024


@asynccontextmanager
async def open_bus(settings: Settings, blobs: Blobs | None = None) -> AsyncIterator[Bus]:
    """Polling has a client of its own, since long polls would starve sends and deletes."""
    settings = settings.model_copy(update={"aws_account": await account_of(settings)})
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
