"""What stands around an entity in the knowledge graph."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.retrieval.graph import GraphAnsweredV1, GraphRequestedV1
from services.gateway.models.principal import Principal
from shared.errors import RequestRefused, Unavailable
from shared.observability import bound, span
from shared.ports import Requester


@dataclass(frozen=True)
class LookAround:
    """Looks at what the principal may see."""

    requester: Requester
    budget_ms: int

    async def __call__(self, who: Principal, entity: str, limit: int) -> GraphAnsweredV1:
        """Raises DeadlineMissed, Unavailable, or RequestRefused: `not_found`, `invalid_entity`."""
        context = Context(tenant=who.tenant, principal=who.user)
        request = GraphRequestedV1(entity=entity, limit=limit, visible_to=who.visible_to)
        with bound(tenant=who.tenant, correlation_id=context.correlation_id), span("look_around"):
            try:
                return await self.requester.ask(
                    "retrieval-queries", request, GraphAnsweredV1, context, self.budget_ms
                )
            except RequestRefused as error:
                if error.code == "unavailable":
                    raise Unavailable("The knowledge graph", str(error)) from error
                raise
