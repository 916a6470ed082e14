"""The graph leg of a search: one step from the first hits along "A names what B is about"."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log2
from types import MappingProxyType
from typing import Protocol, TypeVar

from services.retrieval.models.filter import Scope
from services.retrieval.models.graph import Link
from services.retrieval.models.passage import FoundPassage
from services.retrieval.services.ports import Links, SearchStore
from services.retrieval.services.searching.fusion import Fused
from services.retrieval.services.searching.ranking import DEPTH, GraphScore, Ranked

SEEDS = 5
# A name that more passages are about tells none of them from the others.
OWNERS_MAX = 3


class OfVersion(Protocol):
    @property
    def document_id(self) -> str: ...

    @property
    def ordinal(self) -> int: ...


T = TypeVar("T", bound=OfVersion)


@dataclass(frozen=True)
class Hop:
    """Comes after reranking, which would push down passages that share no word with the query."""

    graph: Links
    store: SearchStore

    async def follow(
        self,
        scope: Scope,
        ranked: Sequence[Ranked],
        beyond: Sequence[Ranked],
        texts: Mapping[str, FoundPassage],
        weight: float,
    ) -> tuple[list[Ranked], Mapping[str, FoundPassage]]:
        """The new ranking, and the texts of the passages in it.

        `beyond` holds passages that the legs found too, but too low for their texts to be read.
        Raises Unavailable.
        """
        seeds = [hit.passage_id for hit in ranked[:SEEDS]]
        found = await self.graph.links(scope, seeds, OWNERS_MAX)
        links = await shown(self.store, scope.tenant, found)
        new = {link.passage_id for link in links} - texts.keys()
        read = await self.store.passages(scope.tenant, sorted(new)) if new else {}
        known = {**texts, **read}
        useful = [link for link in links if link.passage_id in known]
        low = {hit.passage_id: hit for hit in beyond if hit.passage_id in read}
        return raised(ranked, useful, weight, low), known


async def shown(store: SearchStore, tenant: str, found: Sequence[T]) -> list[T]:
    """Without versions that are not shown: a graph may lag behind the heads. Raises Unavailable."""
    documents = sorted({one.document_id for one in found})
    heads = await store.heads(tenant, documents) if documents else {}
    return [
        one
        for one in found
        if one.document_id in heads and heads[one.document_id].shows(one.ordinal)
    ]


def raised(
    ranked: Sequence[Ranked],
    links: Sequence[Link],
    weight: float,
    beyond: Mapping[str, Ranked] = MappingProxyType({}),
) -> list[Ranked]:
    """The ranking with what the graph adds; passages that were not in it begin at its DEPTH-th.

    Scores count as 0…1 between the DEPTH-th and the first. A passage gains weight · its strongest
    link's strength · the seed's score, scaled back, so that untouched hits keep their scores. Where
    all scores are equal, they count as 1 above the place where others begin.
    `beyond`: {passage id: its place} of passages that the legs found too, but too low for `ranked`.
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
        for rank, (link, raw) in enumerate(_strongest(links, seeds), 1)
    }
    known = {hit.passage_id for hit in ranked}
    new = [
        replace(beyond.get(found, Ranked(Fused(found, low, {}), low, None)), score=low)
        for found in graph
        if found not in known
    ]
    higher = [_with(hit, graph.get(hit.passage_id)) for hit in (*ranked, *new)]
    return sorted(higher, key=lambda hit: (-hit.score, hit.passage_id))


def _strongest(links: Sequence[Link], seeds: Mapping[str, float]) -> list[tuple[Link, float]]:
    """The strongest link into each passage, strongest first.

    A link's strength is 1 / log2(1 + passages that mention the entity), divided by the number of
    passages that are about the entity.
    """
    owners = Counter((link.seed, link.entity) for link in links)
    found: dict[str, tuple[Link, float]] = {}
    for link in sorted(links, key=lambda link: (link.entity, link.seed)):
        shared = log2(1 + max(1, link.named_by)) * owners[link.seed, link.entity]
        raw = seeds.get(link.seed, 0.0) / shared
        if raw > (found[link.passage_id][1] if link.passage_id in found else 0.0):
            found[link.passage_id] = (link, raw)
    return sorted(found.values(), key=lambda item: (-item[1], item[0].passage_id))


def _with(hit: Ranked, graph: GraphScore | None) -> Ranked:
    return hit if graph is None else replace(hit, score=hit.score + graph.added, graph=graph)
