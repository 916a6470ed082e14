"""SearchRequested: answers with the passages found."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.platform.replies import RequestFailedV1
from contracts.retrieval.search import SearchRequestedV1
from services.retrieval.models.filter_reading import InvalidFilter
from services.retrieval.services.search import Search
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class SearchRequested:
    """A filter that cannot be read is refused, since hits outside it would look as if inside."""

    search: Search

    async def __call__(self, message: SearchRequestedV1, context: Context) -> Outcome:
        try:
            return Done(await self.search(message, context))
        except InvalidFilter as error:
            return Done(RequestFailedV1(code="invalid_filter", message=str(error)))
