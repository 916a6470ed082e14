"""The two services that a turn asks over their queues; a leg that is late is left out."""

import logging
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1, PastTurn
from contracts.retrieval.search import SearchAnsweredV1, SearchRequestedV1
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.observability import metric
from shared.ports import Requester

logger = logging.getLogger(__name__)
_MISSES = (DeadlineMissed, RequestRefused, Unavailable)


@dataclass(frozen=True)
class Legs:
    """Budgets in milliseconds. None from a leg means: it did not answer."""

    requester: Requester
    retrieval_budget_ms: int
    memory_budget_ms: int

    async def search(self, request: SearchRequestedV1, context: Context) -> SearchAnsweredV1 | None:
        try:
            return await self.requester.ask(
                "retrieval-queries", request, SearchAnsweredV1, context, self.retrieval_budget_ms
            )
        except _MISSES as error:
            _missed("retrieval", error)
            return None

    async def earlier(self, conversation_id: str, context: Context) -> tuple[PastTurn, ...] | None:
        """The conversation's turns as memory keeps them, oldest first."""
        request = ContextRequestedV1(conversation_id=conversation_id)
        try:
            answered = await self.requester.ask(
                "memory-queries", request, ContextAnsweredV1, context, self.memory_budget_ms
            )
        except _MISSES as error:
            _missed("memory", error)
            return None
        return answered.turns


def _missed(leg: str, error: Exception) -> None:
    metric("LegMissed", 1, leg=leg)
    logger.warning("leg_missed", extra={"fields": {"leg": leg, "reason": type(error).__name__}})
