"""The ports that retrieval depends on, in plain Python."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from contracts.envelope import Context, new_id
from contracts.message import Message
from shared.errors import NoSuchObject, Unavailable
from shared.ports import ChatMessage, Embedded, EmbedRole, ModelReport, Reranked, Tool, ToolCall
from tests.unit.retrieval.making import unit_vector


@dataclass
class FakePublisher:
    """Keeps the last message of each id, as an idempotent receiver does."""

    published: dict[str, tuple[str, Message, Context]] = field(default_factory=dict)
    down: bool = False

    async def publish(
        self, topic: str, message: Message, context: Context, *, id: str | None = None
    ) -> None:
        if self.down:
            raise Unavailable("sns")
        self.published[id or new_id()] = (topic, message, context)

    async def publish_now(
        self, topic: str, message: Message, context: Context, *, id: str | None = None
    ) -> None:
        await self.publish(topic, message, context, id=id)

    async def send(
        self, queue: str, message: Message, context: Context, *, id: str | None = None
    ) -> str:
        raise AssertionError(f"retrieval sends nothing to {queue}")

    def messages(self, topic: str) -> list[Message]:
        return [message for of, message, _ in self.published.values() if of == topic]


@dataclass
class FakeModel:
    """Embeds by words; reranks by `relevance` of the text, once `release` (if any) is set."""

    relevance: dict[str, float] = field(default_factory=dict)
    embed_down: bool = False
    rerank_down: bool = False
    reranked: list[Sequence[str]] = field(default_factory=list)
    release: asyncio.Event | None = None
    embedded: list[str] = field(default_factory=list)

    def converse(
        self, model: str, system: str, messages: Sequence[ChatMessage], max_tokens: int
    ) -> AsyncIterator[str | ModelReport]:
        raise AssertionError("retrieval never converses")

    async def call_tool(
        self, model: str, system: str, text: str, tool: Tool, max_tokens: int
    ) -> ToolCall:
        raise AssertionError("retrieval calls no tools")

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        if self.embed_down:
            raise Unavailable("bedrock")
        self.embedded += texts
        vectors = [unit_vector(text) for text in texts]
        return Embedded(vectors, ModelReport(model, 7, 0, Decimal("0.001"), len(texts)))

    async def rerank(self, model: str, query: str, passages: Sequence[str]) -> Reranked:
        self.reranked.append(passages)
        if self.rerank_down:
            raise Unavailable("bedrock")
        if self.release is not None:
            await self.release.wait()
        scores = [(n, self.relevance[p]) for n, p in enumerate(passages) if p in self.relevance]
        return Reranked(scores, ModelReport(model, 0, 0, Decimal("0.002")))


@dataclass
class FakeBlobs:
    objects: dict[str, bytes] = field(default_factory=dict)

    async def put(self, key: str, body: bytes) -> None:
        self.objects[key] = body

    async def get(self, key: str, limit_bytes: int | None = None) -> bytes:
        if key not in self.objects:
            raise NoSuchObject(key)
        return self.objects[key]

    async def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield key
