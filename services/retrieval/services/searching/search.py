"""Answers a query: legs side by side, fusion, heads, reranking, the graph, reasons."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.retrieval.search import Fusion, Leg, SearchAnsweredV1, SearchRequestedV1, Weights
from services.retrieval.models.embedding_space import EmbeddingSpace
from services.retrieval.models.filter import Scope
from services.retrieval.models.filter_reading import read_filter
from services.retrieval.models.passage import FoundPassage, Scored
from services.retrieval.models.typed_query import TypedQuery, read_query
from services.retrieval.services.graph.hop import Hop
from services.retrieval.services.ports import Links, SearchStore
from services.retrieval.services.searching.exactness import collapse, exact_lifted, only_exact
from services.retrieval.services.searching.explaining import hit
from services.retrieval.services.searching.fusion import Fused, fuse
from services.retrieval.services.searching.joining import Joining
from services.retrieval.services.searching.legs import Attempt, QueryEmbedding, Stopwatch, attempt
from services.retrieval.services.searching.ranking import (
    DEPTH,
    Ranked,
    Reranker,
    blend,
    by_fusion,
)
from shared.metering import Bill, Metering
from shared.ports import Model
from shared.scripts import reads

LEG_DEPTH = 100
# Passages that their document's head does not show are left out: so many times more are checked.
OVERFETCH = 2
# What a model's list counts, beside 1, for a query in a script whose words the model never learned:
# BM25 knows every script.
UNREAD = 0.25
# How often the legs are asked when heads move meanwhile.
LOOKS = 2

Texts = Mapping[str, FoundPassage]
Lists = Mapping[str, Attempt[list[Scored]]]


@dataclass(frozen=True)
class Defaults:
    """For requests that do not say otherwise; `leg_budget_s` bounds each leg."""

    legs: tuple[Leg, ...] = ("bm25", "dense", "rerank")
    fusion: Fusion = "zscore"
    leg_budget_s: float = 2.0
    graph_weight: float = 0.6


@dataclass(frozen=True)
class Question:
    """A request with the defaults filled in; `bill` and `watch` note what its answer takes."""

    query: str
    typed: TypedQuery
    scope: Scope
    limit: int
    legs: tuple[Leg, ...]
    fusion: Fusion
    weights: Weights
    embedding: QueryEmbedding
    bill: Bill
    watch: Stopwatch

    @property
    def depth(self) -> int:
        """How many passages are read: those that may be reranked, or more if more are wanted."""
        return max(self.limit, DEPTH)


@dataclass(frozen=True)
class Search:
    """`space` is that of the store; without a reranker or a graph that leg is skipped."""

    store: SearchStore
    model: Model
    space: EmbeddingSpace
    metering: Metering
    reranker: Reranker | None = None
    defaults: Defaults = Defaults()
    graph: Links | None = None

    async def find(self, request: SearchRequestedV1, context: Context) -> SearchAnsweredV1:
        """A leg that fails is named `failed` and left out.

        Raises InvalidFilter, or Unavailable when the store cannot tell what is shown.
        """
        question = self._question(request, context)
        tenant, typed = question.scope.tenant, question.typed
        with question.watch.stage("total"):
            for _ in range(LOOKS):
                lists = await self._ask_legs(question)
                fused = _fused(question, lists, _trust(self.space.model, question))
                placed, texts, moved = await self._shown(question, fused, lists)
                if not moved:
                    break
            ranked = only_exact(typed, placed, texts)
            reranked = await self._rerank(question, ranked, texts)
            ranked = exact_lifted(typed, reranked.value or ranked, texts)
            followed = await self._follow(question, ranked, placed, texts)
            ranked, texts = followed.value or (ranked, texts)
            ranked, twins = collapse(only_exact(typed, ranked, texts), texts)
            joined = await Joining(self.store).join(
                tenant, ranked, texts, request.limit, request.join_tokens
            )
        states = {leg: done.state for leg, done in lists.items()}
        states |= {"rerank": reranked.state, "graph": followed.state}
        return SearchAnsweredV1(
            hits=tuple(hit(question.query, one, twins) for one in joined),
            legs={leg: states[leg] for leg in question.legs},
            input_tokens=question.bill.input_tokens,
            cost_usd=str(question.bill.cost_usd),
            took_ms=question.watch.took_ms,
        )

    def _question(self, request: SearchRequestedV1, context: Context) -> Question:
        watch, bill = Stopwatch(), Bill(self.metering, context, request.turn_id)
        wanted = read_filter(request.filter) if request.filter is not None else None
        return Question(
            query=request.query,
            typed=read_query(request.query),
            scope=Scope(context.tenant, request.visible_to, wanted),
            limit=request.limit,
            legs=request.legs or self.defaults.legs,
            fusion=request.fusion or self.defaults.fusion,
            weights=request.weights or Weights(graph=self.defaults.graph_weight),
            embedding=QueryEmbedding(self.model, self.space, bill, watch, self._given(request)),
            bill=bill,
            watch=watch,
        )

    def _given(self, request: SearchRequestedV1) -> list[float]:
        """The asker's embedding of the query; empty when there is none of this space."""
        given = request.embedding
        if given is None or given.model != self.space.model:
            return []
        try:
            vector = given.vector
        except ValueError:
            return []
        return vector if len(vector) == self.space.dimension else []

    async def _ask_legs(self, question: Question) -> dict[str, Attempt[list[Scored]]]:
        """BM25 and dense, side by side."""
        work = {}
        if "bm25" in question.legs:
            work["bm25"] = self.store.bm25(question.scope, question.query, LEG_DEPTH)
        if "dense" in question.legs:
            work["dense"] = self._dense(question)
        budget, watch = self.defaults.leg_budget_s, question.watch
        attempts = (attempt(leg, asking, budget, watch) for leg, asking in work.items())
        return dict(zip(work, await asyncio.gather(*attempts), strict=True))

    async def _dense(self, question: Question) -> list[Scored]:
        vector = await question.embedding.of(question.query)
        return await self.store.dense(question.scope, vector, LEG_DEPTH)

    async def _shown(
        self, question: Question, fused: Sequence[Fused], lists: Lists
    ) -> tuple[list[Ranked], Texts, bool]:
        """The passages that their document's head shows now, and the texts of the first of them.

        Then True when a head has moved since the legs were asked. A document that was found in its
        old version would be missing from the answer, so the legs are to be asked again.
        """
        tenant = question.scope.tenant
        origin = {found.passage_id: found for done in lists.values() for found in done.value or ()}
        candidates = [(one, origin[one.passage_id]) for one in fused[: OVERFETCH * question.depth]]
        documents = {found.document_id for _, found in candidates}
        with question.watch.stage("read"):
            heads = await self.store.heads(tenant, sorted(documents)) if documents else {}
            live = {at: head for at, head in heads.items() if head.live}
            here = [(one, found) for one, found in candidates if found.document_id in live]
            kept = [one for one, found in here if live[found.document_id].shows(found.ordinal)]
            wanted = [one.passage_id for one in kept[: question.depth]]
            texts = await self.store.passages(tenant, wanted) if wanted else {}
        moved = len(kept) < len(here) or len(texts) < len(wanted)
        return by_fusion(kept), texts, moved

    async def _rerank(
        self, question: Question, ranked: Sequence[Ranked], texts: Texts
    ) -> Attempt[list[Ranked]]:
        if "rerank" not in question.legs or self.reranker is None or len(ranked) < 2:
            return Attempt("skipped")
        first = [texts[place.passage_id] for place in ranked[:DEPTH]]
        done = await self.reranker.relevance(question.query, first, question.bill, question.watch)
        if done.value is None:
            return Attempt(done.state)
        trust = {
            "dense": _trust(self.space.model, question),
            "rerank": _trust(self.reranker.model_id, question),
        }
        return Attempt(done.state, blend(ranked, done.value, DEPTH, trust))

    async def _follow(
        self, question: Question, ranked: Sequence[Ranked], placed: Sequence[Ranked], texts: Texts
    ) -> Attempt[tuple[list[Ranked], Texts]]:
        """`placed` also holds passages that were found too low for their texts to be read."""
        if "graph" not in question.legs or self.graph is None or not ranked:
            return Attempt("skipped")
        beyond = [place for place in placed if place.passage_id not in texts]
        hop = Hop(self.graph, self.store).follow(
            question.scope, question.query, ranked, beyond, texts, question.weights.graph
        )
        return await attempt("graph", hop, self.defaults.leg_budget_s, question.watch)


def _trust(model: str, question: Question) -> float:
    return 1.0 if reads(model, question.query) else UNREAD


def _fused(question: Question, lists: Lists, dense_trust: float) -> list[Fused]:
    scores = {
        leg: {found.passage_id: found.score for found in done.value or ()}
        for leg, done in lists.items()
    }
    if question.typed.strict and "bm25" in lists and lists["bm25"].state == "applied":
        # Only passages with its words can hold a required phrase: others would crowd them out.
        scores = {
            leg: {at: score for at, score in found.items() if at in scores["bm25"]}
            for leg, found in scores.items()
        }
    shares = {"bm25": question.weights.bm25, "dense": dense_trust * question.weights.dense}
    return fuse(scores, shares, question.fusion)
