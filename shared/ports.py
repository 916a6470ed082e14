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
    """What a model says it consumed, and what that costs by the price list.

    The classes of tokens do not overlap: what was read from the prompt cache or written to it is
    no part of `input_tokens`.
    `stop_reason` is Converse's word for why an answer ended; None for other calls.
    """

    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    calls: int = 1
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    stop_reason: str | None = None


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


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model chooses its words, each 0…1; None: the model's own default."""

    temperature: float | None = None
    top_p: float | None = None


OWN_SAMPLING = Sampling()


class Model(Protocol):
    """Every method raises Unavailable when the model cannot be reached or throttles."""

    def converse(
        self,
        model: str,
        system: str,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        about: Mapping[str, str] = ...,
        sampling: Sampling = ...,
    ) -> AsyncIterator[str | ModelReport]:
        """Text pieces as they come; the report is the last item.

        `about` goes along for whoever reads the provider's log of calls: names, no contents.
        """

    async def call_tool(
        self, model: str, system: str, text: str, tool: Tool, max_tokens: int
    ) -> ToolCall:
        """The model's answer to `text` as one forced call of `tool`, as deterministic as it can."""

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        """In as many calls as the model needs."""
        ...

    async def rerank(self, model: str, query: str, passages: Sequence[str]) -> Reranked: ...


@dataclass(frozen=True, slots=True)
class Download:
    """An object's bytes as they come; with `content_range`, only those that it names (RFC 9110).

    Call `close` in the end, also when `chunks` was not read.
    """

    length: int
    chunks: AsyncIterator[bytes]
    close: Callable[[], None]
    content_range: str | None = None


class Blobs(Protocol):
    """Objects in the carrier bucket. Every method raises Unavailable."""

    async def put(self, key: str, body: bytes) -> None: ...

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Puts what `chunks` brings; all of it or, when that or the store fails, nothing."""

    async def get(self, key: str, limit_bytes: int | None = None) -> bytes:
        """Raises NoSuchObject, or TooLarge before a body over the limit is read."""

    async def get_stream(
        self, key: str, *, etag: str | None = None, byte_range: str | None = None
    ) -> Download:
        """Raises NoSuchObject, also when there is another object than the one of that etag.

        `byte_range` is a Range header; one that cannot be satisfied is passed over.
        """

    async def delete(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Grant:
    """Where a client may put one object by itself: a form for `url`, `fields` before the file."""

    url: str
    fields: Mapping[str, str]


class Granting(Protocol):
    @property
    def origin(self) -> str:
        """Scheme and host of every grant's URL."""
        ...

    async def grant(self, key: str, size: int, within_s: int) -> Grant:
        """For an object of 1 to `size` bytes, until `within_s` seconds from now."""


class Describing(Protocol):
    async def metadata(self, key: str) -> Mapping[str, str]:
        """What an object's sender says of it, by lower-case name; empty when it is gone.

        Raises Unavailable.
        """


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

    def listed(self, prefix: str, after: str = "") -> AsyncIterator[Sequence[Listed]]:
        """All whose keys begin so and come after `after`, in order and in pages of up to 1,000."""


class Clock(Protocol):
    def now(self) -> datetime:
        """UTC, aware."""
