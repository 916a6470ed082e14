"""The order of the hits: fused scores, and the blend with the reranker over the first of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from services.retrieval.models.graph import Link
from services.retrieval.models.passage import FoundPassage
from services.retrieval.services.searching.fusion import Fused, LegScore, fuse
from services.retrieval.services.searching.legs import Attempt, Stopwatch, attempt
from shared.breaker import Breaker
from shared.errors import Unavailable
from shared.metering import Bill
from shared.ports import Model

# How many passages are reranked: more cost time and money, and gained nothing when measured.
DEPTH = 50


@dataclass(frozen=True, slots=True)
class GraphScore:
    """`raw` in 0…1, what it `added` to the hit's score, its rank from 1, the link it came by."""

    raw: float
    added: float
    rank: int
    link: Link


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage in its place, with what the legs, the reranker and the graph said of it.

    `fused_rank` is None for a passage that only the graph found.
    """

    fused: Fused
    score: float
    fused_rank: int | None
    rerank: LegScore | None = None
    graph: GraphScore | None = None

    @property
    def passage_id(self) -> str:
        return self.fused.passage_id


def by_fusion(fused: Sequence[Fused]) -> list[Ranked]:
    return [Ranked(hit, hit.score, rank) for rank, hit in enumerate(fused, 1)]


@dataclass(frozen=True)
class Reranker:
    """A cross-encoder over the first passages, behind a breaker.

    `budget_s` bounds how long a search waits; an answer that comes later is metered all the same.
    """

    model: Model
    model_id: str
    budget_s: float
    breaker: Breaker

    async def relevance(
        self, query: str, passages: Sequence[FoundPassage], bill: Bill, watch: Stopwatch
    ) -> Attempt[dict[str, float]]:
        """{passage id: relevance}; passages that the model did not get to may be missing.

        Skipped while the breaker is open. Outages open it, lateness alone does not: a busy model
        would then be asked less than it can answer.
        """
        if not self.breaker.admits():
            return Attempt("skipped")
        try:
            return await attempt("rerank", self._ask(query, passages, bill), self.budget_s, watch)
        finally:
            self.breaker.released()

    async def _ask(
        self, query: str, passages: Sequence[FoundPassage], bill: Bill
    ) -> dict[str, float]:
        texts = [found.passage.matched_text for found in passages]
        try:
            answer = await bill.charge("rerank", self.model.rerank(self.model_id, query, texts))
        except Unavailable:
            self.breaker.failed()
            raise
        self.breaker.succeeded()
        return {passages[index].passage.passage_id: score for index, score in answer.scores}


def blend(
    ranked: Sequence[Ranked],
    relevance: Mapping[str, float],
    depth: int,
    trust: Mapping[str, float] = MappingProxyType({}),
) -> list[Ranked]:
    """The first `depth` by the mean of each leg's and the reranker's z-scores over those alone.

    In the mean, a list without a `trust` counts 1.

    A reranker alone can rank worse than the legs whose passages it is given. The passages after
    `depth` keep their order, and their scores are shifted down, so that scores fall along the list.
    """
    first, rest = ranked[:depth], ranked[depth:]
    # A single score compares nothing.
    lists = _raw_scores(first) | {"rerank": relevance if len(relevance) > 1 else {}}
    shares = {name: trust.get(name, 1.0) / len(lists) for name in lists}
    places = {hit.passage_id: hit for hit in first}
    blended = [
        replace(places[hit.passage_id], score=hit.score, rerank=hit.legs.get("rerank"))
        for hit in fuse(lists, shares)
    ]
    if not blended or not rest:
        return blended
    shift = min(0.0, blended[-1].score - rest[0].score)
    return blended + [replace(hit, score=hit.score + shift) for hit in rest]


def _raw_scores(ranked: Sequence[Ranked]) -> dict[str, Mapping[str, float]]:
    legs = {leg for hit in ranked for leg in hit.fused.legs}
    return {
        leg: {h.passage_id: h.fused.legs[leg].raw for h in ranked if leg in h.fused.legs}
        for leg in sorted(legs)
    }
