"""Who stands around an entity, how, and which passages say so."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import log2

from contracts.retrieval.graph import EdgeKind, Relation
from services.retrieval.models.link import Link
from services.retrieval.models.place import Place, Topic


@dataclass(frozen=True)
class Ties:
    """A neighbour of the asked entity, with the passages that tie it."""

    name: str
    named_by: int
    # About the asked entity, and naming this one.
    names: set[str] = field(default_factory=set)
    # About this one, and naming the asked entity.
    named: set[str] = field(default_factory=set)
    # About both.
    shared: set[str] = field(default_factory=set)

    @property
    def strength(self) -> float:
        """0…1: what fewer passages name tells more."""
        return 1 / log2(1 + max(1, self.named_by))

    @property
    def relation(self) -> Relation:
        if self.shared:
            return "same as"
        if self.names and self.named:
            return "names each other"
        return "names" if self.names else "named by"

    @property
    def passages(self) -> set[str]:
        return self.names | self.named | self.shared

    def edges(self, asked: str) -> Iterator[tuple[str, str, EdgeKind, set[str]]]:
        """(source, target, kind, passages), as far as there are passages."""
        if self.shared:
            yield asked, self.name, "same as", self.shared
        if self.names:
            yield asked, self.name, "names", self.names
        if self.named:
            yield self.name, asked, "names", self.named


def neighbours(
    asked: str, places: Sequence[Place], topics: Sequence[Topic], links: Sequence[Link]
) -> list[Ties]:
    """Strongest first. `links` start from the places that are about `asked`.

    A passage that is about both ties them as one thing, and then its naming either says nothing.
    """
    found: dict[str, Ties] = {}
    about = {place.passage_id: place.about for place in places}
    told: Mapping[str, set[str]] = defaultdict(set)
    for topic in topics:
        told[topic.passage_id].add(topic.name)
        if topic.name != asked and topic.passage_id in about:
            ties = found.setdefault(topic.name, Ties(topic.name, topic.named_by))
            (ties.shared if about[topic.passage_id] else ties.named).add(topic.passage_id)
    for link in links:
        if link.entity != asked and link.entity not in told[link.seed]:
            ties = found.setdefault(link.entity, Ties(link.entity, link.named_by))
            ties.names.add(link.seed)
    return sorted(
        _whole(found.values()), key=lambda ties: (-ties.strength, -len(ties.passages), ties.name)
    )


def _whole(found: Iterable[Ties]) -> list[Ties]:
    """Of names with the same passages, those that are no part of another: one thing's long form."""
    alike: dict[frozenset[str], list[Ties]] = defaultdict(list)
    for ties in found:
        alike[frozenset(ties.passages)].append(ties)
    return [
        ties
        for group in alike.values()
        for ties in group
        if not any(set(ties.name.split()) < set(other.name.split()) for other in group)
    ]
