"""Queries: search passages, look at an entity's neighbourhood."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.platform.replies import RequestFailedV1
from contracts.retrieval.graph import GraphRequestedV1
from contracts.retrieval.search import SearchRequestedV1
from services.retrieval.models.filter_reading import InvalidFilter
from services.retrieval.services.graph.neighbourhood import Neighbourhood, NoName, UnknownEntity
from services.retrieval.services.searching.search import Search
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class QueriesController:
    """An outage passes: the consumer answers the asker with `unavailable`."""

    search: Search
    neighbourhood: Neighbourhood

    async def search_requested(self, message: SearchRequestedV1, context: Context) -> Outcome:
        """Refuses a filter that it cannot read: hits outside it would look as if inside."""
        try:
            return Done(await self.search.find(message, context))
        except InvalidFilter as error:
            return Done(RequestFailedV1(code="invalid_filter", message=str(error)))

    async def graph_requested(self, message: GraphRequestedV1, context: Context) -> Outcome:
        try:
            return Done(await self.neighbourhood.look(message, context))
        except NoName as error:
            return Done(RequestFailedV1(code="invalid_entity", message=str(error)))
        except UnknownEntity as error:
            return Done(RequestFailedV1(code="not_found", message=str(error)))
