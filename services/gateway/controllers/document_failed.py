"""DocumentFailed: ingestion says why, so the note has served."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.document_failed import DocumentFailedV1
from services.gateway.services.forget_note import ForgetNote
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class DocumentFailed:
    forget: ForgetNote

    async def __call__(self, message: DocumentFailedV1, context: Context) -> Outcome:
        await self.forget(context.tenant, message.document_id)
        return Done()
