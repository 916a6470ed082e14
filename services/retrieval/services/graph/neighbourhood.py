"""What stands around an entity: its neighbours in the graph, and the passages that tie them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from contracts.envelope import Context
from contracts.ingestion.entity_name import FOLDED_MAX, FUNCTION_WORDS, fold
from contracts.retrieval.graph import GraphAnsweredV1, GraphRequestedV1
from services.retrieval.models.filter import Scope
from services.retrieval.models.graph import Link, Place, Subject, Ties
from services.retrieval.services.graph.answer import answered, chosen
from services.retrieval.services.graph.hop import shown
from services.retrieval.services.ports import Names, SearchStore
from shared.errors import Unavailable
from shared.observability import span

DEPENDENCY = "knowledge graph"
# The graph counts no further than this either.
PLACES_MAX = 100
# When more passages are about an entity, only so many say what it names.
SEEDS = 30
# A search follows a name to 3 passages at most, so as to hit the right one. Here a section's name
# may have a passage for each of its pages; a name of more passages is a heading everywhere.
OWNERS_MAX = 10
PASSAGES_MAX = 30
CLOSEST, CANDIDATES = 5, 50


class NoName(Exception):
    """The text asked for cannot be an entity's name."""


class UnknownEntity(Exception):
    """No passage in scope leads to it; the message tells the closest names."""


@dataclass(frozen=True)
class Neighbourhood:
    """`graph` is None where retrieval runs without one; `budget_s` bounds an answer."""

    graph: Names | None
    store: SearchStore
    budget_s: float

    async def look(self, request: GraphRequestedV1, context: Context) -> GraphAnsweredV1:
        """Raises NoName, UnknownEntity, or Unavailable."""
        if self.graph is None:
            raise Unavailable(DEPENDENCY, "retrieval runs without one: set RAGOPS_NEO4J_URL")
        name = fold(request.entity)
        if not name:
            raise NoName(
                f"'{request.entity}' is no name: a name has 2 to {FOLDED_MAX} characters and is "
                "more than numbers and little words"
            )
        scope = Scope(context.tenant, request.visible_to)
        with span("neighbourhood"):
            try:
                async with asyncio.timeout(self.budget_s):
                    return await self._answer(self.graph, scope, name, request)
            except TimeoutError:
                raise Unavailable(DEPENDENCY, f"took over {self.budget_s} s") from None

    async def _answer(
        self, graph: Names, scope: Scope, name: str, request: GraphRequestedV1
    ) -> GraphAnsweredV1:
        found = await graph.places(scope, name, PLACES_MAX)
        places = sorted(await shown(self.store, scope.tenant, found), key=_order)
        if not places:
            raise UnknownEntity(await self._unknown(graph, scope, name))
        seeds = [place.passage_id for place in places if place.about][:SEEDS]
        ids = [place.passage_id for place in places]
        subjects, links = await asyncio.gather(
            graph.subjects(scope, ids, OWNERS_MAX), graph.links(scope, seeds, OWNERS_MAX)
        )
        links = await shown(self.store, scope.tenant, links)
        around = neighbours(name, places, subjects, links)
        kept = around[: request.limit]
        wanted = chosen(name, kept, ids, max(PASSAGES_MAX, request.limit))
        texts = await self.store.passages(scope.tenant, wanted)
        return answered(name, places, kept, texts, len(around) - len(kept))

    async def _unknown(self, graph: Names, scope: Scope, name: str) -> str:
        beginnings = {name, *name.split()} - FUNCTION_WORDS
        found = await graph.supports(scope, sorted(beginnings), CANDIDATES)
        known = {support.name for support in await shown(self.store, scope.tenant, found)}
        closest = sorted(known, key=lambda one: _distance(name, one))[:CLOSEST]
        if not closest:
            return "No document that you can see has this name in it. Try another name."
        near = ", ".join(f"'{one}'" for one in closest)
        return f"No document that you can see has this name in it. Close to it: {near}."


def neighbours(
    asked: str, places: Sequence[Place], subjects: Sequence[Subject], links: Sequence[Link]
) -> list[Ties]:
    """Strongest first. `links` start from the places that are about `asked`.

    A passage that is about both ties them as one thing; then it does not matter which of them it
    mentions.
    """
    found: dict[str, Ties] = {}
    about = {place.passage_id: place.about for place in places}
    told: Mapping[str, set[str]] = defaultdict(set)
    for subject in subjects:
        told[subject.passage_id].add(subject.name)
        if subject.name != asked and subject.passage_id in about:
            ties = found.setdefault(subject.name, Ties(subject.name, subject.named_by))
            (ties.shared if about[subject.passage_id] else ties.named).add(subject.passage_id)
    for link in links:
        if link.entity != asked and link.entity not in told[link.seed]:
            ties = found.setdefault(link.entity, Ties(link.entity, link.named_by))
            ties.names.add(link.seed)
    return sorted(
        _whole(found.values()), key=lambda ties: (-ties.strength, -len(ties.passages), ties.name)
    )


def _whole(found: Iterable[Ties]) -> list[Ties]:
    """Without names that are part of another with the same passages: they are its short forms."""
    alike: dict[frozenset[str], list[Ties]] = defaultdict(list)
    for ties in found:
        alike[frozenset(ties.passages)].append(ties)
    return [
        ties
        for group in alike.values()
        for ties in group
        if not any(set(ties.name.split()) < set(other.name.split()) for other in group)
    ]


def _order(place: Place) -> tuple[bool, str, int, str]:
    """Passages about the name first, then a document's passages in the order of its text."""
    _, _, n = place.passage_id.rpartition(":")
    return not place.about, place.document_id, int(n) if n.isdecimal() else 0, place.passage_id


def _distance(asked: str, name: str) -> tuple[bool, float, str]:
    """Names that go on as asked come first, then those whose words are most alike."""
    return not name.startswith(asked), -fuzz.token_sort_ratio(asked, name), name
