"""Answers what stands around an entity, from the graph's links and the passages behind them."""

import asyncio
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.entity_name import FOLDED_MAX, FUNCTION_WORDS, fold
from contracts.retrieval.graph import GraphAnsweredV1, GraphRequestedV1
from services.retrieval.models.place import Place
from services.retrieval.models.scope import Scope
from services.retrieval.services.graph_answer import answered, chosen
from services.retrieval.services.graph_store import Names
from services.retrieval.services.neighbours import neighbours
from services.retrieval.services.search_store import SearchStore
from services.retrieval.services.shown import shown
from shared.errors import Unavailable
from shared.observability import span

DEPENDENCY = "knowledge graph"
# The graph counts no further than this either.
PLACES_MAX = 100
# Of an entity that more passages are about, so many say what it names.
SEEDS = 30
# A search follows a name to 3 owners at most, so as to hit the right one. Here a section's name
# may have a passage for each of its pages; what more passages are about is a heading everywhere.
OWNERS_MAX = 10
PASSAGES_MAX = 30
CLOSEST, CANDIDATES = 5, 50


class NoName(Exception):
    """What was asked for cannot be an entity's name."""


class UnknownEntity(Exception):
    """No passage in scope leads to it; the message tells the closest names."""


@dataclass(frozen=True)
class Neighbourhood:
    """`graph` None: there is none beside this search store. `budget_s` bounds its answers."""

    graph: Names | None
    store: SearchStore
    budget_s: float

    async def __call__(self, request: GraphRequestedV1, context: Context) -> GraphAnsweredV1:
        """Raises NoName, UnknownEntity, or Unavailable."""
        if self.graph is None:
            raise Unavailable(DEPENDENCY, "retrieval runs without one: set its neo4j_url")
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
            raise UnknownEntity(await self._unknown(graph, scope, name, request.entity))
        seeds = [place.passage_id for place in places if place.about][:SEEDS]
        ids = [place.passage_id for place in places]
        topics, links = await asyncio.gather(
            graph.topics(scope, ids, OWNERS_MAX), graph.links(scope, seeds, OWNERS_MAX)
        )
        links = await shown(self.store, scope.tenant, links)
        around = neighbours(name, places, topics, links)
        kept = around[: request.limit]
        wanted = chosen(name, kept, ids, max(PASSAGES_MAX, request.limit))
        texts = await self.store.passages(scope.tenant, wanted)
        return answered(name, places, kept, texts, len(around) - len(kept))

    async def _unknown(self, graph: Names, scope: Scope, name: str, asked: str) -> str:
        beginnings = {name, *name.split()} - FUNCTION_WORDS
        found = await graph.supports(scope, sorted(beginnings), CANDIDATES)
        known = {support.name for support in await shown(self.store, scope.tenant, found)}
        closest = sorted(known, key=lambda one: _distance(name, one))[:CLOSEST]
        if not closest:
            return f"No document that you can see names '{asked}'. Try another name."
        near = ", ".join(f"'{one}'" for one in closest)
        return f"No document that you can see names '{asked}'. Close to it: {near}."


def _order(place: Place) -> tuple[bool, str, int, str]:
    """What is about it first, then a document's passages in the order in which they stand."""
    _, _, n = place.passage_id.rpartition(":")
    return not place.about, place.document_id, int(n) if n.isdecimal() else 0, place.passage_id


def _distance(asked: str, name: str) -> tuple[bool, int, int, str]:
    """Names that go on as asked come first, then those that share the most words."""
    shared = set(asked.split()) & set(name.split())
    return not name.startswith(asked), -len(shared), len(name), name
