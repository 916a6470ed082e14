"""The ports as ingestion's tests need them: in memory, with faults that can be switched on."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any, TypeVar

from contracts.envelope import Context
from contracts.message import Message
from shared.errors import NoSuchObject, Unavailable
from shared.ports import Embedded, EmbedRole, ModelReport, Tool, ToolCall

M = TypeVar("M", bound=Message)
DIMENSION = 8


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


@dataclass
class MemoryBlobs:
    held: dict[str, bytes] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    async def put(self, key: str, body: bytes) -> None:
        self.faults.strike("s3")
        self.held[key] = body

    async def get(self, key: str, limit_bytes: int | None = None) -> bytes:
        self.faults.strike("s3")
        if key not in self.held:
            raise NoSuchObject(key)
        return self.held[key]

    async def delete(self, key: str) -> None:
        self.faults.strike("s3")
        self.held.pop(key, None)


@dataclass
class MemoryPublisher:
    """What was confirmed, by topic, in order; `faults` strike messages of the kind `refused`."""

    sent: list[tuple[str, Message, Context, str | None]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    refused: type[Message] = Message

    async def publish(
        self, topic: str, message: Message, context: Context, *, id: str | None = None
    ) -> None:
        if isinstance(message, self.refused):
            self.faults.strike("sns")
        self.sent.append((topic, message, context, id))

    async def publish_now(
        self, topic: str, message: Message, context: Context, *, id: str | None = None
    ) -> None:
        await self.publish(topic, message, context, id=id)

    async def send(
        self, queue: str, message: Message, context: Context, *, id: str | None = None
    ) -> str:
        raise NotImplementedError("ingestion sends nothing to queues")

    def of(self, kind: type[M]) -> list[M]:
        return [message for _, message, _, _ in self.sent if isinstance(message, kind)]

    def ids(self, kind: type[Message]) -> list[str | None]:
        return [name for _, message, _, name in self.sent if isinstance(message, kind)]


@dataclass
class HashModel:
    """The same text has the same vector; `gate` holds every call back while it is cleared."""

    texts: list[str] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        self.faults.strike("bedrock")
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        self.texts += texts
        report = ModelReport(model, sum(map(len, texts)), 0, Decimal(0), calls=len(texts))
        return Embedded([vector_of(text) for text in texts], report)

    def converse(self, *_: Any) -> Any:
        raise NotImplementedError

    async def rerank(self, *_: Any) -> Any:
        raise NotImplementedError

    async def call_tool(
        self, model: str, system: str, text: str, tool: Tool, max_tokens: int
    ) -> ToolCall:
        raise NotImplementedError


Answer = Mapping[str, object] | Exception | None


@dataclass
class ReadingModel(HashModel):
    """Calls the tool with what `answer` makes of the prompt, and reports a token a character."""

    answer: Callable[[str], Answer] = lambda _: {"about": [], "mentions": []}
    asked: list[str] = field(default_factory=list)
    systems: list[str] = field(default_factory=list)
    calling: int = 0
    calling_most: int = 0
    tokens: int = 0

    async def call_tool(
        self, model: str, system: str, text: str, tool: Tool, max_tokens: int
    ) -> ToolCall:
        self.asked.append(text)
        self.systems.append(system)
        self.calling += 1
        self.calling_most = max(self.calling_most, self.calling)
        try:
            # Several turns of the loop, so that calls that may overlap do.
            for _ in range(5):
                await asyncio.sleep(0)
            await self.gate.wait()
            answer = self.answer(text)
        finally:
            self.calling -= 1
        if isinstance(answer, Exception):
            raise answer
        report = ModelReport(model, len(system) + len(text), max_tokens, Decimal("0.001"))
        self.tokens += report.input_tokens + report.output_tokens
        return ToolCall(answer, report)


def vector_of(text: str) -> list[float]:
    return [byte / 255 for byte in sha256(text.encode()).digest()[:DIMENSION]]
