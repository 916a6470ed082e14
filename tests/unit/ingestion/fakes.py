"""Models as ingestion's tests need them: the same text has the same vector, faults on demand."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

from shared.ports import Embedded, EmbedRole, ModelReport, Tool, ToolCall
from shared.testing.fakes import Faults

DIMENSION = 8


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


class BrokenModel(HashModel):
    """Its answers cannot be used, whatever the text."""

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        self.faults.fired += 1
        raise ValueError("no")


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
