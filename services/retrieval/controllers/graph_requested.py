"""GraphRequested: answers with what stands around an entity."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.platform.replies import RequestFailedV1
from contracts.retrieval.graph import GraphRequestedV1
from services.retrieval.services.neighbourhood import Neighbourhood, NoName, UnknownEntity
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class GraphRequested:
    """An outage passes: the asker hears of it as `unavailable`."""

    neighbourhood: Neighbourhood

    async def __call__(self, message: GraphRequestedV1, context: Context) -> Outcome:
        try:
            return Done(await self.neighbourhood(message, context))
        except NoName as error:
            return Done(RequestFailedV1(code="invalid_entity", message=str(error)))
        except UnknownEntity as error:
            return Done(RequestFailedV1(code="not_found", message=str(error)))
