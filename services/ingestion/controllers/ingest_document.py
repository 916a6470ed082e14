"""IngestDocument: a document offered on the queue, by the gateway or by hand."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.documents import IngestDocumentV2
from services.ingestion.models.errors import Unwelcome
from services.ingestion.services.intake.intake import TakeIn
from services.ingestion.services.intake.permits import Permits
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class IngestDocument:
    """Done means: its row is committed."""

    take_in: TakeIn
    permits: Permits

    async def __call__(self, message: IngestDocumentV2, context: Context) -> Outcome:
        try:
            self.permits.check(context)
            await self.take_in.message(message, context)
        except Unwelcome as error:
            return Reject(str(error))
        return Done()
