"""A model, and a graph beside a search store, in plain Python."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from services.retrieval.models.document import Head, Version
from services.retrieval.models.filter import Scope
from services.retrieval.models.graph import Link, Place, Subject, Support
from services.retrieval.models.holding import Held, HeldVersion, Page
from services.retrieval.models.passage import IndexedPassage
from shared.ports import (
    OWN_SAMPLING,
    ChatMessage,
    Embedded,
    EmbedRole,
    ModelReport,
    Reranked,
    Sampling,
    Tool,
    ToolCall,
)
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
        self,
        model: str,
        system: str,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        about: Mapping[str, str] = MappingProxyType({}),
        sampling: Sampling = OWN_SAMPLING,
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


@dataclass
class FakeGraph:
    """A graph beside the search store: keeps which versions it was given; queries find nothing."""

    faults: Faults = field(default_factory=Faults)
    held: set[tuple[str, str, int]] = field(default_factory=set)

    async def ping(self) -> None:
        self.faults.strike("neo4j")

    prepare = ping

    async def index(self, version: Version, passages: Sequence[IndexedPassage]) -> int:
        self.faults.strike("neo4j")
        self.held.add((version.tenant, version.document_id, version.ordinal))
        return len({name for p in passages for name in (*p.mentions, *p.about)})

    async def purge(self, tenant: str, document_id: str, head: Head) -> int:
        self.faults.strike("neo4j")
        before = len(self.held)
        self.held = {
            of for of in self.held if not (of[:2] == (tenant, document_id) and head.outdates(of[2]))
        }
        return before - len(self.held)

    async def links(self, scope: Scope, seeds: Sequence[str], max_owners: int) -> list[Link]:
        return []

    async def owners(self, scope: Scope, names: Sequence[str], max_owners: int) -> list[Link]:
        return []

    async def places(self, scope: Scope, name: str, most: int) -> list[Place]:
        return []

    async def subjects(
        self, scope: Scope, passage_ids: Sequence[str], max_owners: int
    ) -> list[Subject]:
        return []

    async def supports(self, scope: Scope, beginnings: Sequence[str], most: int) -> list[Support]:
        return []

    async def holdings(self, tenant: str, page: Page) -> list[Held]:
        return [
            Held(of, versions=(HeldVersion(ordinal, 1, 1),))
            for owner, of, ordinal in sorted(self.held)
            if owner == tenant and (of in page.ids if page.ids else of > page.after)
        ]

    async def drop(self, tenant: str, document_id: str, ordinal: int) -> None:
        self.held.discard((tenant, document_id, ordinal))

    async def strays(self, tenant: str, *, remove: bool) -> int:
        return 0
