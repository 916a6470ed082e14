"""Answers a finished query: legs side by side, fusion, heads, reranking, reasons."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.retrieval.search import (
    Fusion,
    Leg,
    LegState,
    SearchAnsweredV1,
    SearchRequestedV1,
    Weights,
)
from services.retrieval.models.filter_reading import read_filter
from services.retrieval.models.mapping import Mapping as IndexMapping
from services.retrieval.models.passage import FoundPassage
from services.retrieval.models.scope import Scope
from services.retrieval.models.scored import Scored
from services.retrieval.models.typed_query import TypedQuery, read_query
from services.retrieval.services.duplicates import collapse
from services.retrieval.services.embedding import Embedding
from services.retrieval.services.exactness import exact_first, only_exact
from services.retrieval.services.explaining import hit
from services.retrieval.services.fusion import Fused, fuse
from services.retrieval.services.graph_store import Links
from services.retrieval.services.hop import Hop
from services.retrieval.services.joining import Joining
from services.retrieval.services.legs import Attempt, Stopwatch, attempt
from services.retrieval.services.ranking import Ranked, blend, by_fusion
from services.retrieval.services.reranking import DEPTH, Reranker
from services.retrieval.services.search_store import SearchStore
from services.retrieval.services.spending import Bill, Meter
from shared.ports import Model

LEG_DEPTH = 100
# Hits that are not their head's are dropped after fusion: so many times more are looked at.
OVERFETCH = 2


@dataclass(frozen=True)
class Defaults:
    """What a request gets that does not say otherwise; `leg_budget_s` bounds each leg."""

    legs: tuple[Leg, ...] = ("bm25", "dense", "rerank")
    fusion: Fusion = "zscore"
    leg_budget_s: float = 2.0
    graph_weight: float = 0.6


@dataclass(frozen=True)
class Search:
    """`mapping` names the embedding model; without a reranker or a graph that leg is skipped."""

    store: SearchStore
    model: Model
    mapping: IndexMapping
    meter: Meter
    reranker: Reranker | None = None
    defaults: Defaults = Defaults()
    graph: Links | None = None

    async def __call__(self, request: SearchRequestedV1, context: Context) -> SearchAnsweredV1:
        """A leg that fails is named `failed` and left out. Raises InvalidFilter."""
        watch, bill = Stopwatch(), Bill(self.meter, context, request.turn_id)
        legs, typed = request.legs or self.defaults.legs, read_query(request.query)
        with watch.stage("total"):
            embedding = Embedding(self.model, self.mapping, bill, watch)
            attempts, kept, texts = await self._first(
                request, context.tenant, legs, embedding, watch
            )
            placed = by_fusion(kept)
            ranked = only_exact(typed, placed, texts)
            states: dict[str, LegState] = dict.fromkeys(legs, "skipped")
            states |= {leg: done.state for leg, done in attempts.items()}
            if "rerank" in legs:
                states["rerank"], ranked = await self._rerank(request, ranked, texts, bill, watch)
            if "graph" in legs:
                beyond = [place for place in placed if place.passage_id not in texts]
                states["graph"], ranked, texts = await self._follow(
                    request, context.tenant, ranked, beyond, texts, watch
                )
            exact = exact_first(typed, only_exact(typed, ranked, texts), texts)
            ranked, twins = collapse(exact, texts)
            joined = await Joining(self.store)(
                context.tenant, ranked, texts, request.limit, request.join_tokens
            )
            total = await bill.settle()
        return SearchAnsweredV1(
            hits=tuple(
                hit(request.query, one, twins.get(one.hit.passage_id, ())) for one in joined
            ),
            legs=states,
            input_tokens=total.input_tokens,
            cost_usd=str(total.cost_usd),
            took_ms=watch.took_ms,
        )

    async def _first(
        self,
        request: SearchRequestedV1,
        tenant: str,
        legs: Sequence[Leg],
        embedding: Embedding,
        watch: Stopwatch,
    ) -> tuple[dict[str, Attempt[list[Scored]]], list[Fused], dict[str, FoundPassage]]:
        """The legs' lists, what is shown of them, and the first of these with their texts.

        A document whose head moves in between was found by its old version, which is not shown any
        more, or purged already: the legs look again, or it would be missing from this answer.
        """
        for last in (False, True):
            attempts = await self._find(request, tenant, legs, embedding, watch)
            fused = self._fuse(request, read_query(request.query), attempts)
            with watch.stage("read"):
                kept, moved = await self._shown(tenant, fused, attempts, request.limit)
                wanted = [hit.passage_id for hit in kept[: max(request.limit, DEPTH)]]
                texts = await self.store.passages(tenant, wanted) if wanted else {}
            if last or not (moved or len(texts) < len(wanted)):
                break
        return attempts, kept, texts

    async def _find(
        self,
        request: SearchRequestedV1,
        tenant: str,
        legs: Sequence[Leg],
        embedding: Embedding,
        watch: Stopwatch,
    ) -> dict[str, Attempt[list[Scored]]]:
        scope = _scope(request, tenant)
        work = {}
        if "bm25" in legs:
            work["bm25"] = self.store.bm25(scope, request.query, LEG_DEPTH)
        if "dense" in legs:
            work["dense"] = self._dense(scope, request.query, embedding)
        budget = self.defaults.leg_budget_s
        done = await asyncio.gather(
            *(attempt(leg, coroutine, budget, watch) for leg, coroutine in work.items())
        )
        return dict(zip(work, done, strict=True))

    async def _dense(self, scope: Scope, query: str, embedding: Embedding) -> list[Scored]:
        return await self.store.dense(scope, await embedding(query), LEG_DEPTH)

    def _fuse(
        self,
        request: SearchRequestedV1,
        typed: TypedQuery,
        attempts: Mapping[str, Attempt[list[Scored]]],
    ) -> list[Fused]:
        lists = {
            leg: {scored.passage_id: scored.score for scored in done.value or ()}
            for leg, done in attempts.items()
        }
        if typed.strict and "bm25" in attempts and attempts["bm25"].state == "applied":
            # Only passages with these words can hold the phrase: the others would crowd them out.
            lists = {
                leg: {at: score for at, score in scores.items() if at in lists["bm25"]}
                for leg, scores in lists.items()
            }
        weights = request.weights or Weights()
        shares = {"bm25": weights.bm25, "dense": weights.dense}
        return fuse(lists, shares, request.fusion or self.defaults.fusion)

    async def _shown(
        self,
        tenant: str,
        fused: Sequence[Fused],
        attempts: Mapping[str, Attempt[list[Scored]]],
        limit: int,
    ) -> tuple[list[Fused], bool]:
        """The first passages that their document's head shows now; whether a head has moved on."""
        origin = {s.passage_id: s for done in attempts.values() for s in done.value or ()}
        candidates = fused[: OVERFETCH * max(limit, DEPTH)]
        documents = {origin[f.passage_id].document_id for f in candidates}
        heads = await self.store.heads(tenant, sorted(documents)) if documents else {}
        kept, moved = [], False
        for candidate in candidates:
            of = origin[candidate.passage_id]
            head = heads.get(of.document_id)
            if head is not None and head.shows(of.ordinal):
                kept.append(candidate)
            elif head is not None and head.live:
                moved = True
        return kept, moved

    async def _rerank(
        self,
        request: SearchRequestedV1,
        ranked: list[Ranked],
        texts: Mapping[str, FoundPassage],
        bill: Bill,
        watch: Stopwatch,
    ) -> tuple[LegState, list[Ranked]]:
        reranker = self.reranker
        if reranker is None or len(ranked) < 2 or not reranker.breaker.allows():
            return "skipped", ranked
        first = [texts[place.passage_id] for place in ranked[:DEPTH]]
        work = reranker.relevance(request.query, first, bill)
        done = await attempt("rerank", work, reranker.budget_s, watch)
        reranker.breaker.note(worked=done.state == "applied")
        if done.value is None:
            return done.state, ranked
        return done.state, blend(ranked, done.value, DEPTH)

    async def _follow(
        self,
        request: SearchRequestedV1,
        tenant: str,
        ranked: list[Ranked],
        beyond: Sequence[Ranked],
        texts: dict[str, FoundPassage],
        watch: Stopwatch,
    ) -> tuple[LegState, list[Ranked], dict[str, FoundPassage]]:
        if self.graph is None or not ranked:
            return "skipped", ranked, texts
        weight = request.weights.graph if request.weights else self.defaults.graph_weight
        hop = Hop(self.graph, self.store)(
            _scope(request, tenant), [*ranked, *beyond], texts, weight
        )
        done = await attempt("graph", hop, self.defaults.leg_budget_s, watch)
        return (done.state, *(done.value or (ranked, texts)))


def _scope(request: SearchRequestedV1, tenant: str) -> Scope:
    wanted = read_filter(request.filter) if request.filter is not None else None
    return Scope(tenant, request.visible_to, wanted)
