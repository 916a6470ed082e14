"""The ports that all services share, in memory, with faults that a test switches on."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeVar

from contracts.envelope import Context, new_id
from contracts.message import Message
from shared.errors import DeadlineMissed, NoSuchObject, TooLarge, Unavailable
from shared.messaging import Bus
from shared.ports import Download, Grant, Listed
from shared.settings import Settings

M = TypeVar("M", bound=Message)


def no_bus() -> Bus:
    """For a bootstrap whose consumers never run: using it fails at once."""
    return Bus(Settings(), None, None, None)


@dataclass
class Faults:
    """`left` calls fail, -1 means all; `fired` counts them."""

    left: int = 0
    fired: int = 0

    def strike(self, dependency: str) -> None:
        if self.left:
            self.left -= self.left > 0
            self.fired += 1
            raise Unavailable(dependency, "fault in a test")


@dataclass(frozen=True)
class Sent:
    """What was confirmed: on a topic or to a queue."""

    channel: str
    message: Message
    context: Context
    id: str


@dataclass
class FakePublisher:
    """Confirms at once, in order. `down` names channels that are away; `faults` strike any."""

    sent: list[Sent] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    faults: Faults = field(default_factory=Faults)
    # Only messages of this kind are struck.
    struck: type[Message] = Message

    async def publish(
        self, topic: str, message: Message, context: Context, *, id: str | None = None
    ) -> None:
        await self.send(topic, message, context, id=id)

    publish_now = publish

    async def send(
        self, queue: str, message: Message, context: Context, *, id: str | None = None
    ) -> str:
        await asyncio.sleep(0)
        if isinstance(message, self.struck):
            self.faults.strike("sns")
        if queue in self.down:
            self.faults.fired += 1
            raise Unavailable("sns", "fault in a test")
        event_id = id or new_id()
        self.sent.append(Sent(queue, message, context, event_id))
        return event_id

    def on(self, channel: str) -> list[Any]:
        """The messages of a topic or queue."""
        return [one.message for one in self.sent if one.channel == channel]

    def of(self, kind: type[M]) -> list[M]:
        return [one.message for one in self.sent if isinstance(one.message, kind)]

    def ids(self, kind: type[Message]) -> list[str]:
        return [one.id for one in self.sent if isinstance(one.message, kind)]


@dataclass
class FakeRequester:
    """Answers by the request's type: a message, an exception to raise, or a function of it."""

    answers: dict[type[Message], Any] = field(default_factory=dict)
    asked: list[tuple[str, Message, Context]] = field(default_factory=list)

    async def ask(
        self, queue: str, message: Message, reply: type[Any], context: Context, budget_ms: int
    ) -> Any:
        self.asked.append((queue, message, context))
        answer = self.answers.get(type(message), DeadlineMissed(queue, budget_ms))
        if callable(answer) and not isinstance(answer, Exception):
            answer = answer(message)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, reply)
        return answer

    def of(self, kind: type[M]) -> list[M]:
        return [message for _, message, _ in self.asked if isinstance(message, kind)]


@dataclass
class FakeBlobs:
    """shared.ports.Blobs, Listing, Granting and Describing."""

    objects: dict[str, bytes] = field(default_factory=dict)
    # What objects' senders say of them.
    described: dict[str, dict[str, str]] = field(default_factory=dict)
    # When an object was put; just now for those that a test put into `objects`.
    modified: dict[str, datetime] = field(default_factory=dict)
    # What was asked for when it was not there.
    missed: set[str] = field(default_factory=set)
    # How often it was listed.
    looks: int = 0
    # Downloads that were not closed.
    open: int = 0
    faults: Faults = field(default_factory=Faults)

    async def put(self, key: str, body: bytes) -> None:
        self.faults.strike("s3")
        self.objects[key] = body
        self.modified[key] = datetime.now(UTC)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        await self.put(key, b"".join([chunk async for chunk in chunks]))

    async def get(self, key: str, limit_bytes: int | None = None) -> bytes:
        self.faults.strike("s3")
        if key not in self.objects:
            self.missed.add(key)
            raise NoSuchObject(key)
        if limit_bytes is not None and len(self.objects[key]) > limit_bytes:
            raise TooLarge(f"{key}: {len(self.objects[key])} bytes")
        return self.objects[key]

    async def get_stream(
        self, key: str, *, etag: str | None = None, byte_range: str | None = None
    ) -> Download:
        """Knows ranges of the form `bytes=0-9`."""
        body = await self.get(key)
        if etag is not None and etag != _etag(body):
            raise NoSuchObject(key)
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", byte_range or "")
        told = None
        if found and int(found[1]) < len(body):
            start, end = int(found[1]), min(int(found[2]), len(body) - 1)
            told, body = f"bytes {start}-{end}/{len(body)}", body[start : end + 1]

        async def chunks() -> AsyncIterator[bytes]:
            for at in range(0, len(body), 1000):
                self.faults.strike("s3")
                yield body[at : at + 1000]

        self.open += 1

        def close() -> None:
            self.open -= 1

        return Download(len(body), chunks(), close, told)

    async def delete(self, key: str) -> None:
        self.faults.strike("s3")
        self.objects.pop(key, None)

    @property
    def origin(self) -> str:
        return "http://s3"

    async def grant(self, key: str, size: int, within_s: int) -> Grant:
        self.faults.strike("s3")
        return Grant("http://s3/carrier", {"key": key, "policy": f"{size} {within_s}"})

    async def metadata(self, key: str) -> Mapping[str, str]:
        self.faults.strike("s3")
        return self.described.get(key, {})

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield key

    async def listed(self, prefix: str, after: str = "") -> AsyncIterator[list[Listed]]:
        self.faults.strike("s3")
        self.looks += 1
        now = datetime.now(UTC)
        yield [
            Listed(key, len(body), _etag(body), self.modified.get(key, now))
            for key, body in sorted(self.objects.items())
            if key.startswith(prefix) and key > after
        ]


def _etag(body: bytes) -> str:
    return sha256(body).hexdigest()[:32]
