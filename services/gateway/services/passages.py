"""Passages without an answer: found by a query, by id, or around a name of the graph."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.retrieval.graph import GraphAnsweredV1, GraphRequestedV1
from contracts.retrieval.passages import PassageAnsweredV1, PassageRequestedV1
from contracts.retrieval.search import SearchAnsweredV1, SearchRequestedV1
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import NotFound
from services.gateway.services.spending.admission import Admission
from shared.errors import RequestRefused, Unavailable
from shared.observability import bound, span
from shared.ports import Requester

QUEUE = "retrieval-queries"


@dataclass(frozen=True)
class Passages:
    """Only those that the principal may see, whatever `visible_to` a request brings along.

    All raise DeadlineMissed, Unavailable or RequestRefused.
    """

    requester: Requester
    budget_ms: int
    admission: Admission

    async def find(self, who: Principal, wanted: SearchRequestedV1) -> SearchAnsweredV1:
        """Is refused with `invalid_…`, such as `invalid_filter`.

        Raises what Admission raises, too. Its model calls are told under the hold's id, as a
        turn's are.
        """
        context = Context(tenant=who.tenant, principal=who.user)
        hold_id = await self.admission.search(who, wanted.query)
        request = wanted.model_copy(update={"visible_to": who.visible_to, "turn_id": hold_id})
        spent: SearchAnsweredV1 | None = None
        with bound(tenant=who.tenant, correlation_id=context.correlation_id), span("find"):
            try:
                spent = await self.requester.ask(
                    QUEUE, request, SearchAnsweredV1, context, self.budget_ms
                )
            finally:
                self.admission.searched(hold_id, spent)
        return spent

    async def show(self, who: Principal, passage_id: str) -> PassageAnsweredV1:
        """Is refused with `not_found`, whether it is unknown, deleted, replaced or not visible."""
        context = Context(tenant=who.tenant, principal=who.user)
        request = PassageRequestedV1(passage_id=passage_id, visible_to=who.visible_to)
        with bound(tenant=who.tenant, correlation_id=context.correlation_id), span("show_passage"):
            try:
                return await self.requester.ask(
                    QUEUE, request, PassageAnsweredV1, context, self.budget_ms
                )
            except RequestRefused as error:
                if error.code == "not_found":
                    raise NotFound("There is no such passage.") from None
                raise

    async def look_around(self, who: Principal, wanted: GraphRequestedV1) -> GraphAnsweredV1:
        """Is refused with `not_found` or `invalid_entity`."""
        context = Context(tenant=who.tenant, principal=who.user)
        request = wanted.model_copy(update={"visible_to": who.visible_to})
        with bound(tenant=who.tenant, correlation_id=context.correlation_id), span("look_around"):
            try:
                return await self.requester.ask(
                    QUEUE, request, GraphAnsweredV1, context, self.budget_ms
                )
            except RequestRefused as error:
                if error.code == "unavailable":
                    raise Unavailable("graph", str(error)) from error
                raise
