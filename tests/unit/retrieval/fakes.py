"""A model for tests of retrieval, in plain Python."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from shared.ports import ChatMessage, Embedded, EmbedRole, ModelReport, Reranked, Tool, ToolCall
from shared.testing.fakes import Faults
from tests.unit.retrieval.making import unit_vector


@dataclass
class FakeModel:
    """Embeds by words; reranks by `relevance` of the text, once `release` (if any) is set."""

    relevance: dict[str, float] = field(default_factory=dict)
    embed_faults: Faults = field(default_factory=Faults)
    rerank_faults: Faults = field(default_factory=Faults)
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
        self.embed_faults.strike("bedrock")
        self.embedded += texts
        vectors = [unit_vector(text) for text in texts]
        return Embedded(vectors, ModelReport(model, 7, 0, Decimal("0.001"), len(texts)))

    async def rerank(self, model: str, query: str, passages: Sequence[str]) -> Reranked:
        self.reranked.append(passages)
        self.rerank_faults.strike("bedrock")
        if self.release is not None:
            await self.release.wait()
        scores = [(n, self.relevance[p]) for n, p in enumerate(passages) if p in self.relevance]
        return Reranked(scores, ModelReport(model, 0, 0, Decimal("0.002")))
