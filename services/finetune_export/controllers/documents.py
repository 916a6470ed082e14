"""Documents: archive what happened to one, cut the quotations of a deleted one."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.ingestion.events import DocumentDeletedV1
from contracts.retrieval.events import DocumentIndexedV1
from services.finetune_export.models.archived_document import DocumentEvent
from services.finetune_export.models.tombstones import DeletedDocument
from services.finetune_export.services.archiving import Archiving
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class DocumentsController:
    archiving: Archiving

    async def indexed(self, message: DocumentIndexedV1, context: Context) -> Outcome:
        await self.archiving.archive_document_event(_event(message, context))
        return Done()

    async def deleted(self, message: DocumentDeletedV1, context: Context) -> Outcome:
        await self.archiving.archive_document_event(_event(message, context))
        deleted = DeletedDocument(
            tenant=context.tenant, document_id=message.document_id, ordinal=message.ordinal
        )
        await self.archiving.cut_quotations(deleted, context.causation_id or "")
        return Done()


def _event(message: DocumentIndexedV1 | DocumentDeletedV1, context: Context) -> DocumentEvent:
    return DocumentEvent(
        tenant=context.tenant,
        document_id=message.document_id,
        ordinal=message.ordinal,
        kind=message.message_type,
        event_id=context.causation_id or "",
        at=context.sent_at,
        body=message.model_dump(mode="json"),
    )
