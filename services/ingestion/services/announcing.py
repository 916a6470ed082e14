"""Telling the world of chunked, failed and deleted documents; ids are derived, so twice is once."""

from dataclasses import dataclass

from contracts.envelope import derived_id
from contracts.ingestion.document import Counts, Failure
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1, DocumentFailedV1
from services.ingestion.models.version import Announcement, Deletion, Result
from services.ingestion.services.contexts import context_of
from services.ingestion.store.ledger import Ledger
from shared.ports import Publisher

TOPIC = "documents"


@dataclass(frozen=True)
class Announcer:
    """What it fails to tell, upkeep tells later."""

    publisher: Publisher
    ledger: Ledger

    async def tell(self, announcement: Announcement) -> None:
        """Returns when confirmed; an ending is told once, `indexing` until retrieval answers."""
        message: DocumentChunkedV1 | DocumentFailedV1
        if announcement.result is not None and announcement.status == "indexing":
            message = chunked(announcement, announcement.result)
        else:
            message = failed(announcement)
        name = derived_id(message.message_type, announcement.document_id, announcement.ordinal)
        context = context_of(announcement.origin)
        await self.publisher.publish(TOPIC, message, context, id=name)
        if isinstance(message, DocumentFailedV1):
            await self.ledger.announced(announcement)

    async def tell_deletion(self, deletion: Deletion) -> None:
        message = DocumentDeletedV1(document_id=deletion.document_id, ordinal=deletion.ordinal)
        name = derived_id(message.message_type, deletion.document_id, deletion.ordinal)
        await self.publisher.publish_now(TOPIC, message, context_of(deletion.origin), id=name)


def chunked(announcement: Announcement, result: Result) -> DocumentChunkedV1:
    counts = result.counts
    return DocumentChunkedV1(
        document_id=announcement.document_id,
        name=announcement.name,
        ordinal=announcement.ordinal,
        content_hash=result.content_hash,
        manifest_key=result.manifest_key,
        model=result.model,
        dimension=result.dimension,
        counts=Counts(
            chunks=counts.chunks,
            pages=counts.pages,
            characters=counts.characters,
            entities=counts.entities,
        ),
        media_type=result.media_type,
        created_at=announcement.created_at,
        tags=announcement.description.tags,
        metadata=announcement.description.metadata,
        visibility=announcement.description.visibility,
    )


def failed(announcement: Announcement) -> DocumentFailedV1:
    fault = announcement.fault
    return DocumentFailedV1(
        document_id=announcement.document_id,
        name=announcement.name,
        ordinal=announcement.ordinal,
        status="rejected" if announcement.status == "rejected" else "failed",
        error=Failure(
            code=fault.code if fault else "internal",
            message=fault.message if fault else "The reason was not recorded.",
        ),
    )
