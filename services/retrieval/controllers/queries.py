"""Queries: search passages, read one, look at an entity's neighbourhood, at an audience."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.platform.replies import RequestFailedV1
from contracts.retrieval.audience import AudienceAnsweredV1, AudienceRequestedV1
from contracts.retrieval.graph import GraphRequestedV1
from contracts.retrieval.passages import PassageAnsweredV1, PassageRequestedV1
from contracts.retrieval.search import SearchRequestedV1
from services.retrieval.models.filter import Scope
from services.retrieval.models.filter_reading import InvalidFilter
from services.retrieval.models.passage import FoundPassage
from services.retrieval.services.graph.neighbourhood import Neighbourhood, NoName, UnknownEntity
from services.retrieval.services.ports import SearchStore
from services.retrieval.services.searching.search import Search
from shared.outcomes import Done, Outcome

_NO_PASSAGE = RequestFailedV1(
    code="not_found",
    message="There is no such passage that you can see. Its document may have been replaced or "
    "deleted: search again.",
)


@dataclass(frozen=True)
class QueriesController:
    """An outage passes: the consumer answers the asker with `unavailable`."""

    search: Search
    neighbourhood: Neighbourhood
    store: SearchStore

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

    async def passage_requested(self, message: PassageRequestedV1, context: Context) -> Outcome:
        """Refuses an unknown passage and one that the asker may not see in the same words."""
        scope = Scope(context.tenant, message.visible_to)
        found = await self.store.passage(scope, message.passage_id)
        return Done(_NO_PASSAGE if found is None else _answered(found))

    async def audience_requested(self, message: AudienceRequestedV1, context: Context) -> Outcome:
        found = await self.store.audience(Scope(context.tenant, message.visible_to))
        return Done(AudienceAnsweredV1(visible_to=tuple(sorted(found))))


def _answered(found: FoundPassage) -> PassageAnsweredV1:
    passage = found.passage
    return PassageAnsweredV1(
        passage_id=passage.passage_id,
        document_id=found.document_id,
        name=found.name,
        ordinal=found.ordinal,
        title=passage.title,
        text=passage.text,
        page=passage.page,
        start=passage.start,
        end=passage.end,
    )
