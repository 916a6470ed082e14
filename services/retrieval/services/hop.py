"""The graph leg of a search: from the first hits to what they name, if it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.retrieval.models.passage import FoundPassage
from services.retrieval.models.scope import Scope
from services.retrieval.services.graph_leg import OWNERS_MAX, SEEDS, follow
from services.retrieval.services.graph_store import Links
from services.retrieval.services.ranking import Ranked
from services.retrieval.services.search_store import SearchStore
from services.retrieval.services.shown import shown


@dataclass(frozen=True)
class Hop:
    """Comes after reranking, which would otherwise push down what the question does not name."""

    graph: Links
    store: SearchStore

    async def __call__(
        self,
        scope: Scope,
        placed: Sequence[Ranked],
        texts: Mapping[str, FoundPassage],
        weight: float,
    ) -> tuple[list[Ranked], dict[str, FoundPassage]]:
        """The new ranking, and the passages in it; of `placed` only those in `texts` take part."""
        ranked = [hit for hit in placed if hit.passage_id in texts]
        seeds = [hit.passage_id for hit in ranked[:SEEDS]]
        found = await self.graph.links(scope, seeds, OWNERS_MAX)
        links = await shown(self.store, scope.tenant, found)
        new = {link.passage_id for link in links} - texts.keys()
        read = await self.store.passages(scope.tenant, sorted(new)) if new else {}
        beyond = {hit.passage_id: hit for hit in placed if hit.passage_id in read}
        known = {**texts, **read}
        useful = [link for link in links if link.passage_id in known]
        return follow(ranked, useful, weight, beyond), known
