"""A search without an answer: the passages and the reasons why they are there."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.http import SearchBody
from contracts.retrieval.search import SearchAnsweredV1, SearchRequestedV1
from services.gateway.models.principal import Principal
from shared.observability import bound, span
from shared.ports import Requester


@dataclass(frozen=True)
class FindPassages:
    """Searches what the principal may see."""

    requester: Requester
    budget_ms: int

    async def __call__(self, who: Principal, wanted: SearchBody) -> SearchAnsweredV1:
        """Raises DeadlineMissed, Unavailable, or RequestRefused with `invalid_…` as its code."""
        context = Context(tenant=who.tenant, principal=who.user)
        request = SearchRequestedV1(
            query=wanted.query,
            limit=wanted.limit,
            legs=wanted.legs,
            fusion=wanted.fusion,
            weights=wanted.weights,
            filter=wanted.filter,
            visible_to=who.visible_to,
            join_tokens=wanted.join_tokens,
        )
        with bound(tenant=who.tenant, correlation_id=context.correlation_id), span("find"):
            return await self.requester.ask(
                "retrieval-queries", request, SearchAnsweredV1, context, self.budget_ms
            )
