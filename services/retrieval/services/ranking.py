"""The order of the hits: fused scores, and the blend with the reranker over the first of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.retrieval.models.link import Link
from services.retrieval.services.fusion import Fused, LegScore, fuse


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


def blend(ranked: Sequence[Ranked], relevance: Mapping[str, float], depth: int) -> list[Ranked]:
    """The first `depth` by the mean of each leg's and the reranker's z-scores over those alone.

    A reranker alone can lose to the legs it is given (design, section 8.2). The passages after them
    keep their order, and their scores are shifted below, so that scores fall along the list.
    """
    first, rest = ranked[:depth], ranked[depth:]
    lists = _raw_scores(first) | {"rerank": relevance}
    share = 1 / len(lists)
    places = {hit.passage_id: hit for hit in first}
    blended = [
        replace(places[hit.passage_id], score=hit.score, rerank=hit.legs.get("rerank"))
        for hit in fuse(lists, dict.fromkeys(lists, share))
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
