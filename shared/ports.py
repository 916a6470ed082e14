"""The protocols that services depend on; the real ones live in messaging, bedrock and blobs."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol, TypeVar

from contracts.envelope import Context
from contracts.message import Message

M = TypeVar("M", bound=Message)
# What a text is to be found by, or what is to be found.
EmbedRole = Literal["query", "passage"]
# Asks a dependency whether it answers; raises Unavailable when it does not.
Probe = Callable[[], Awaitable[None]]


class Publisher(Protocol):
    async def publish(
        self, topic: str, message: Message, context: Context, *, id: str | None = None
    ) -> None:
        """Returns when SNS has confirmed; goes in batches (≤ 200 ms later)."""

    async def publish_now(
        self, topic: str, message: Message, context: Context, *, id: str | None = None
    ) -> None:
        """The same without waiting for a batch to fill: for the interactive path."""

    async def send(
        self, queue: str, message: Message, context: Context, *, id: str | None = None
    ) -> str:
        """Returns the message's id when SQS has confirmed."""


class Requester(Protocol):
    async def ask(
        self, queue: str, message: Message, reply: type[M], context: Context, budget_ms: int
    ) -> M:
        """Raises DeadlineMissed, RequestRefused or Unavailable."""


@dataclass(frozen=True, slots=True)
class ModelReport:
    """What a model says it consumed, and what that costs by the price list."""

    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    calls: int = 1


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """`role` is `user` or `assistant`."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Embedded:
    """One vector a text, in order, each of `dimension` floats."""

    vectors: list[list[float]]
    report: ModelReport


@dataclass(frozen=True, slots=True)
class Reranked:
    """(index into the passages, relevance) best first; passages may be missing."""

    scores: list[tuple[int, float]]
    report: ModelReport


@dataclass(frozen=True, slots=True)
class Tool:
    """What a model is to call; `schema` is the JSON schema of its arguments, an object."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The arguments as the model gave them, unchecked; None when it did not make the call.

    A call that failed inside the model reports no tokens.
    """

    arguments: Mapping[str, Any] | None
    report: ModelReport


class Model(Protocol):
    """Every method raises Unavailable when the model cannot be reached or throttles."""

    def converse(
        self, model: str, system: str, messages: Sequence[ChatMessage], max_tokens: int
    ) -> AsyncIterator[str | ModelReport]:
        """Text pieces as they come; the report is the last item."""

    async def call_tool(
        self, model: str, system: str, text: str, tool: Tool, max_tokens: int
    ) -> ToolCall:
        """The model's answer to `text` as one forced call of `tool`, as deterministic as it can."""

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        """In as many calls as the model needs."""
        ...

    async def rerank(self, model: str, query: str, passages: Sequence[str]) -> Reranked: ...


class Blobs(Protocol):
    """Objects in the carrier bucket. Every method raises Unavailable."""

    async def put(self, key: str, body: bytes) -> None: ...

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Puts what `chunks` brings; all of it or, when that or the store fails, nothing."""

    async def get(self, key: str, limit_bytes: int | None = None) -> bytes:
        """Raises NoSuchObject, or TooLarge before a body over the limit is read."""

    async def delete(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing shows it; `size` in bytes, `modified` is aware."""

    key: str
    size: int
    etag: str
    modified: datetime


class Listing(Protocol):
    """What the carrier bucket holds. Both raise Unavailable."""

    def keys(self, prefix: str) -> AsyncIterator[str]:
        """All that begin so, in order."""

    def listed(self, prefix: str) -> AsyncIterator[Sequence[Listed]]:
        """All whose keys begin so, in order and in pages of up to 1,000."""


class Clock(Protocol):
    def now(self) -> datetime:
        """UTC, aware."""
