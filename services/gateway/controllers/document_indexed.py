"""DocumentIndexed: ingestion knows the document by now, so its note has served."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.retrieval.document_indexed import DocumentIndexedV1
from services.gateway.services.forget_note import ForgetNote
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class DocumentIndexed:
    forget: ForgetNote

    async def __call__(self, message: DocumentIndexedV1, context: Context) -> Outcome:
        await self.forget(context.tenant, message.document_id)
        return Done()
