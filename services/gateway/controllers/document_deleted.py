"""DocumentDeleted: no trace of the document stays here."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.document_deleted import DocumentDeletedV1
from services.gateway.services.forget_note import ForgetNote
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class DocumentDeleted:
    forget: ForgetNote

    async def __call__(self, message: DocumentDeletedV1, context: Context) -> Outcome:
        await self.forget(context.tenant, message.document_id)
        return Done()
