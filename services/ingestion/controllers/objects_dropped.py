"""ObjectsDropped: an S3 event notification; each object is a document of its prefix's tenant."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.documents import ObjectsDroppedV1
from services.ingestion.models.errors import Unwelcome
from services.ingestion.services.intake.intake import TakeIn
from shared.outcomes import Done, Outcome, Reject


@dataclass(frozen=True)
class ObjectsDropped:
    """One object that cannot be taken in does not keep the others out."""

    take_in: TakeIn

    async def __call__(self, message: ObjectsDroppedV1, context: Context) -> Outcome:
        problems = []
        for dropped in message.objects:
            if dropped.key.endswith("/") and not dropped.size:
                continue  # the S3 console makes folders that way
            try:
                await self.take_in.dropped(dropped, context)
            except Unwelcome as error:
                problems.append(str(error))
        return Reject("; ".join(problems)) if problems else Done()
