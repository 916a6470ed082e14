"""Graph scores: one step from the first passages along "A names what B is about"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log2

from services.retrieval.models.link import Link
from services.retrieval.services.fusion import Fused
from services.retrieval.services.ranking import Ranked
from services.retrieval.services.reranking import DEPTH

SEEDS = 5


@dataclass(frozen=True, slots=True)
class GraphScore:
    """`raw` is strength · seed score in 0…1, `added` what it raised the hit's score by."""

    raw: float
    added: float
    rank: int
    link: Link


def follow(ranked: Sequence[Ranked], links: Sequence[Link], weight: float) -> list[Ranked]:
    """The ranking with what the graph adds; passages that were not in it begin at its DEPTH-th.

    Scores are taken as 0…1 between the DEPTH-th and the first. A passage gains weight · the best
    of its links' strength · seed score, scaled back, so that untouched hits keep their scores.
    """
    if not ranked:
        return []
    low = ranked[:DEPTH][-1].score
    span = ranked[0].score - low or 1.0
    seeds = {hit.passage_id: _scaled(hit.score, low, span) for hit in ranked[:SEEDS]}
    best = _best(links, seeds)
    graph = {
        link.to_passage: GraphScore(raw, weight * raw * span, rank, link)
        for rank, (link, raw) in enumerate(best, 1)
    }
    known = {hit.passage_id for hit in ranked}
    new = [Ranked(Fused(id, low, {}), low, None) for id in graph if id not in known]
    raised = [_raised(hit, graph.get(hit.passage_id)) for hit in (*ranked, *new)]
    return sorted(raised, key=lambda hit: (-hit.score, hit.passage_id))


def strength(link: Link) -> float:
    """1 for a name that one passage names and one is about; less, the more do."""
    return 1 / (log2(1 + max(1, link.named_by)) * link.owners)


def _best(links: Sequence[Link], seeds: Mapping[str, float]) -> list[tuple[Link, float]]:
    """The strongest link into each passage, strongest first."""
    found: dict[str, tuple[Link, float]] = {}
    for link in links:
        raw = strength(link) * seeds.get(link.from_passage, 0.0)
        if link.from_passage != link.to_passage and raw > found.get(link.to_passage, (link, 0))[1]:
            found[link.to_passage] = (link, raw)
    return sorted(found.values(), key=lambda item: (-item[1], item[0].to_passage))


def _scaled(score: float, low: float, span: float) -> float:
    """One hit alone, or several that are equal, count in full."""
    return (score - low) / span if score > low else float(span == 1.0)


def _raised(hit: Ranked, graph: GraphScore | None) -> Ranked:
    return hit if graph is None else replace(hit, score=hit.score + graph.added, graph=graph)
