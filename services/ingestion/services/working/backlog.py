"""How much work waits, as metrics: a cluster starts and stops ingestion's tasks by them."""

from dataclasses import dataclass

from services.ingestion.services.ports import Backlog
from shared.observability import metric


@dataclass(frozen=True)
class BacklogWatch:
    """The queue says nothing of it: intake empties the queue at once.

    Every process publishes the same numbers, so take their maximum, not their sum.
    """

    backlog: Backlog

    async def publish(self) -> None:
        """Raises Unavailable."""
        waiting = await self.backlog.waiting()
        metric("claimable_documents", waiting.documents, "None")  # a level, not a sum
        metric("oldest_claimable_age_s", waiting.oldest_s, "Seconds")
