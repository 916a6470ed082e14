"""The graph leg: what the question names, then one step along "A names what B is about"."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log2
from types import MappingProxyType
from typing import Protocol, Self, TypeVar

from contracts.ingestion.entity_name import joined, normal, words_of
from services.retrieval.models.filter import Scope
from services.retrieval.models.graph import QUESTION, Link
from services.retrieval.models.passage import FoundPassage
from services.retrieval.services.ports import Links, SearchStore
from services.retrieval.services.searching.fusion import Fused
from services.retrieval.services.searching.ranking import DEPTH, GraphScore, Ranked

SEEDS = 5
# A name that more passages are about tells none of them from the others.
OWNERS_MAX = 3
# A question's names are looked for in its first words, in runs of so many.
WORDS_MAX, RUN_MAX = 64, 8


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
        query: str,
        ranked: Sequence[Ranked],
        beyond: Sequence[Ranked],
        texts: Mapping[str, FoundPassage],
        weight: float,
    ) -> tuple[list[Ranked], Mapping[str, FoundPassage]]:
        """The new ranking, and the texts of the passages in it. `ranked` is not empty.

        `beyond` holds passages that the legs found too, but too low for their texts to be read.
        Raises Unavailable.
        """
        scale, low = Scale.of(ranked), {hit.passage_id: hit for hit in beyond}
        names = asked_names(query)
        asked = await self.graph.owners(scope, names, OWNERS_MAX) if names else []
        links, texts = await self._readable(scope.tenant, asked, texts)
        ranked = raised(ranked, longest(links), weight, scale, low)
        seeds = [hit.passage_id for hit in ranked[:SEEDS]]
        found = await self.graph.links(scope, seeds, OWNERS_MAX)
        links, texts = await self._readable(scope.tenant, found, texts)
        return raised(ranked, links, weight, scale, low), texts

    async def _readable(
        self, tenant: str, found: Sequence[Link], texts: Mapping[str, FoundPassage]
    ) -> tuple[list[Link], Mapping[str, FoundPassage]]:
        """The links to passages that are shown, and `texts` with those of the passages."""
        links = await shown(self.store, tenant, found)
        new = {link.passage_id for link in links} - texts.keys()
        read = await self.store.passages(tenant, sorted(new)) if new else {}
        known = {**texts, **read}
        return [link for link in links if link.passage_id in known], known


def asked_names(query: str) -> list[str]:
    """What may be a name in a question: every run of up to RUN_MAX words, folded."""
    words = [word.folded for word in words_of(normal(query))][:WORDS_MAX]
    runs = (
        joined(words[start : start + length])
        for start in range(len(words))
        for length in range(1, min(RUN_MAX, len(words) - start) + 1)
    )
    return [name for name in dict.fromkeys(runs) if name]


def longest(links: Sequence[Link]) -> list[Link]:
    """Without names that are part of a longer one that was found too."""
    names = {link.entity for link in links}
    parts = {name for name in names if any(_part(name, other) for other in names)}
    return [link for link in links if link.entity not in parts]


def _part(name: str, other: str) -> bool:
    return name != other and f" {name} " in f" {other} "


async def shown(store: SearchStore, tenant: str, found: Sequence[T]) -> list[T]:
    """Without versions that are not shown: a graph may lag behind the heads. Raises Unavailable."""
    documents = sorted({one.document_id for one in found})
    heads = await store.heads(tenant, documents) if documents else {}
    return [
        one
        for one in found
        if one.document_id in heads and heads[one.document_id].shows(one.ordinal)
    ]


@dataclass(frozen=True, slots=True)
class Scale:
    """Scores as 0…1 between a ranking's DEPTH-th and its first.

    Where all scores are equal, they count as 1.
    """

    low: float
    span: float

    @classmethod
    def of(cls, ranked: Sequence[Ranked]) -> Self:
        high, low = ranked[0].score, ranked[:DEPTH][-1].score
        return cls(low, high - low) if high > low else cls(high - 1.0, 1.0)

    def share(self, score: float) -> float:
        return (score - self.low) / self.span


def raised(
    ranked: Sequence[Ranked],
    links: Sequence[Link],
    weight: float,
    scale: Scale,
    beyond: Mapping[str, Ranked] = MappingProxyType({}),
) -> list[Ranked]:
    """The ranking with what the graph adds; passages that were not in it begin at the scale's low.

    A passage gains weight · its strongest link's strength · the seed's share of the scale (the
    question itself counts as 1), scaled back, so that untouched hits keep their scores.
    `beyond`: {passage id: its place} of passages that the legs found too, but too low for `ranked`.
    """
    low = scale.low
    seeds = {QUESTION: 1.0} | {hit.passage_id: scale.share(hit.score) for hit in ranked[:SEEDS]}
    graph = {
        link.passage_id: GraphScore(raw, weight * raw * scale.span, rank, link)
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
    """A passage that gains twice shows the stronger link, and both gains."""
    if graph is None:
        return hit
    before = hit.graph
    score = hit.score + graph.added
    if before is not None:
        stronger = graph if graph.raw > before.raw else before
        graph = replace(stronger, added=graph.added + before.added)
    return replace(hit, score=score, graph=graph)
