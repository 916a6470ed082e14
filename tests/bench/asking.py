"""Searches as the service makes them, with models that answer at once, and what they took."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from time import perf_counter
from typing import Any

from contracts.envelope import Context, new_id
from contracts.retrieval.search import Leg, SearchRequestedV1
from services.retrieval.services.searching.ranking import Reranker
from services.retrieval.services.searching.search import Search
from services.retrieval.store.sqlite.store import SqliteSearchStore
from shared.breaker import Breaker
from shared.metering import Metering
from shared.ports import Embedded, EmbedRole, ModelReport, Reranked
from shared.testing.fakes import FakePublisher
from tests.bench.library import TENANT
from tests.quality.embedder import SPACE, Vectors
from tests.unit.retrieval.fakes import FakeModel

Span = tuple[float, float]


class InstantModel(FakeModel):
    """Knows the queries' vectors; relevance falls along the order in which passages come."""

    def __init__(self, vectors: Mapping[str, Vectors]) -> None:
        super().__init__()
        self._vectors = {text: vector.tolist() for text, vector in vectors.items()}

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        vectors = [self._vectors[text] for text in texts]
        return Embedded(vectors, ModelReport(model, 0, 0, Decimal(0), len(texts)))

    async def rerank(self, model: str, query: str, passages: Sequence[str]) -> Reranked:
        scores = [(n, 1 / (1 + n)) for n in range(len(passages))]
        return Reranked(scores, ModelReport(model, 0, 0, Decimal(0)))


class Timed:
    """Passes every call on to `inner` and adds to `spans` when it ran."""

    def __init__(self, inner: Any, spans: list[Span]) -> None:
        self._inner, self._spans = inner, spans

    def __getattr__(self, name: str) -> Any:
        async def timed(*values: Any) -> Any:
            started = perf_counter()
            try:
                return await getattr(self._inner, name)(*values)
            finally:
                self._spans.append((started, perf_counter()))

        return timed


@dataclass
class Times:
    """Milliseconds of each search: all of it, what was spent outside of calls, and by stage."""

    total: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)

    def note(self, took: float, calls: Sequence[Span], stages: Mapping[str, float]) -> None:
        self.total.append(took * 1000)
        self.own.append((took - covered(calls)) * 1000)
        for stage, ms in stages.items():
            self.stages.setdefault(stage, []).append(ms)

    def of(self, *stages: str) -> str:
        return ", ".join(f"{stage} {statistics.median(self.stages[stage]):.1f}" for stage in stages)


async def search_all(
    store: SqliteSearchStore, vectors: Mapping[str, Vectors], legs: tuple[Leg, ...]
) -> Times:
    """One query after the other, as the service asks them; the first ones only warm up."""
    spans: list[Span] = []
    model: Any = Timed(InstantModel(vectors), spans)
    held: Any = Timed(store, spans)
    reranker = Reranker(model, "bench", 5.0, Breaker())
    metering = Metering("retrieval", FakePublisher())
    search = Search(held, model, SPACE, metering, reranker, graph=held)
    queries, times = list(vectors), Times()
    for n, query in enumerate([*queries[:20], *queries]):
        spans.clear()
        request = SearchRequestedV1(query=query, legs=legs)
        started = perf_counter()
        answer = await search.find(request, Context(tenant=TENANT, causation_id=new_id()))
        took = perf_counter() - started
        assert set(answer.legs.values()) == {"applied"}, answer.legs
        if n >= 20:
            times.note(took, spans, answer.took_ms)
    return times


def covered(spans: Sequence[Span]) -> float:
    """The length of their union: legs run side by side."""
    length, until = 0.0, 0.0
    for start, end in sorted(spans):
        length += max(0.0, end - max(start, until))
        until = max(until, end)
    return length
