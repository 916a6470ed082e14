"""TurnCompleted: the documents that its answer cited are counted."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV1
from services.ingestion.services.citations import CountCitations
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class TurnCompleted:
    count: CountCitations

    async def __call__(self, message: TurnCompletedV1, context: Context) -> Outcome:
        cited = {source.document_id for source in message.sources if source.cited}
        await self.count(context.tenant, message.turn_id, cited)
        return Done()
