"""Graph scores: one step from the first passages along "A names what B is about"."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import log2
from types import MappingProxyType

from services.retrieval.models.link import Link
from services.retrieval.services.fusion import Fused
from services.retrieval.services.ranking import GraphScore, Ranked
from services.retrieval.services.reranking import DEPTH

SEEDS = 5
# What more passages are about tells none of them from the others.
OWNERS_MAX = 3


def follow(
    ranked: Sequence[Ranked],
    links: Sequence[Link],
    weight: float,
    beyond: Mapping[str, Ranked] = MappingProxyType({}),
) -> list[Ranked]:
    """The ranking with what the graph adds; passages that were not in it begin at its DEPTH-th.

    Scores count as 0…1 between the DEPTH-th and the first. A passage gains weight · the best of its
    links' strength · the seed's score, scaled back, so that untouched hits keep their scores. Where
    all are equal, they stand one above where others begin.
    `beyond` holds passages that the legs found too, but too low to be in `ranked`.
    """
    if not ranked:
        return []
    high, low = ranked[0].score, ranked[:DEPTH][-1].score
    if low == high:
        low -= 1.0
    span = high - low
    seeds = {hit.passage_id: (hit.score - low) / span for hit in ranked[:SEEDS]}
    graph = {
        link.passage_id: GraphScore(raw, weight * raw * span, rank, link)
        for rank, (link, raw) in enumerate(_best(links, seeds), 1)
    }
    known = {hit.passage_id for hit in ranked}
    new = [
        replace(beyond.get(found, Ranked(Fused(found, low, {}), low, None)), score=low)
        for found in graph
        if found not in known
    ]
    raised = [_raised(hit, graph.get(hit.passage_id)) for hit in (*ranked, *new)]
    return sorted(raised, key=lambda hit: (-hit.score, hit.passage_id))


def _best(links: Sequence[Link], seeds: Mapping[str, float]) -> list[tuple[Link, float]]:
    """The strongest link into each passage, strongest first.

    1 / log2(1 + passages that name the entity), shared by the passages that are about it.
    """
    owners = Counter((link.seed, link.entity) for link in links)
    found: dict[str, tuple[Link, float]] = {}
    for link in sorted(links, key=lambda link: (link.entity, link.seed)):
        shared = log2(1 + max(1, link.named_by)) * owners[link.seed, link.entity]
        raw = seeds.get(link.seed, 0.0) / shared
        if raw > (found[link.passage_id][1] if link.passage_id in found else 0.0):
            found[link.passage_id] = (link, raw)
    return sorted(found.values(), key=lambda item: (-item[1], item[0].passage_id))


def _raised(hit: Ranked, graph: GraphScore | None) -> Ranked:
    return hit if graph is None else replace(hit, score=hit.score + graph.added, graph=graph)
