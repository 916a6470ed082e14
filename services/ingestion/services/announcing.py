"""Publishes what became of documents, each in the context in which it was taken in."""

from dataclasses import dataclass

from contracts.envelope import Context, derived_id
from contracts.ingestion.document import Counts, Failure
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1, DocumentFailedV1
from services.ingestion.models import version
from services.ingestion.models.version import Announcement, Deletion, Origin, Result
from services.ingestion.services.ports import Worklist
from shared.observability import current_traceparent
from shared.ports import Publisher

TOPIC = "documents"


@dataclass(frozen=True)
class Announcer:
    """What it cannot publish now, upkeep publishes later: ids are derived, so twice is once."""

    publisher: Publisher
    worklist: Worklist

    async def tell(self, announcement: Announcement) -> None:
        """Returns when confirmed. A failure is told once, `indexing` until retrieval answers.

        Raises Unavailable.
        """
        message: DocumentChunkedV1 | DocumentFailedV1
        if announcement.result is not None and announcement.status == "indexing":
            message = _chunked(announcement, announcement.result)
        else:
            message = _failed(announcement)
        name = derived_id(message.message_type, announcement.document_id, announcement.ordinal)
        context = context_of(announcement.origin)
        await self.publisher.publish(TOPIC, message, context, id=name)
        if isinstance(message, DocumentFailedV1):
            await self.worklist.announced(announcement)

    async def tell_again(self, announcement: Announcement, asked: Origin) -> None:
        """A version that is ready is written anew by retrieval. Raises Unavailable."""
        if announcement.result is not None:
            message = _chunked(announcement, announcement.result)
            again = message.model_copy(update={"rewrite": True})
            await self.publisher.publish_now(TOPIC, again, context_of(asked))

    async def tell_deletion(self, deletion: Deletion) -> None:
        """Returns when confirmed. Raises Unavailable."""
        message = DocumentDeletedV1(document_id=deletion.document_id, ordinal=deletion.ordinal)
        name = derived_id(message.message_type, deletion.document_id, deletion.ordinal)
        await self.publisher.publish_now(TOPIC, message, context_of(deletion.origin), id=name)


def origin_of(context: Context) -> Origin:
    """Raises ValueError for a context without a message."""
    if context.causation_id is None:
        raise ValueError("a document is taken in for a message, which has an id")
    return Origin(
        context.tenant,
        context.causation_id,
        context.correlation_id,
        context.principal,
        current_traceparent(),
    )


def context_of(origin: Origin) -> Context:
    """The context in which a document's later messages are published."""
    return Context(
        tenant=origin.tenant,
        principal=origin.principal,
        correlation_id=origin.correlation_id,
        causation_id=origin.message_id,
    )


def counts_of(counts: version.Counts) -> Counts:
    return Counts(
        chunks=counts.chunks,
        pages=counts.pages,
        characters=counts.characters,
        entities=counts.entities,
    )


def _chunked(announcement: Announcement, result: Result) -> DocumentChunkedV1:
    return DocumentChunkedV1(
        document_id=announcement.document_id,
        name=announcement.name,
        ordinal=announcement.ordinal,
        content_hash=result.content_hash,
        manifest_key=result.manifest_key,
        model=result.model,
        dimension=result.dimension,
        counts=counts_of(result.counts),
        media_type=result.media_type,
        created_at=announcement.created_at,
        tags=announcement.description.tags,
        metadata=announcement.description.metadata,
        visibility=announcement.description.visibility,
        parents=announcement.parents,
    )


def _failed(announcement: Announcement) -> DocumentFailedV1:
    fault = announcement.fault
    return DocumentFailedV1(
        document_id=announcement.document_id,
        name=announcement.name,
        ordinal=announcement.ordinal,
        status=announcement.status,
        error=Failure(
            code=fault.code if fault else "internal",
            message=fault.message if fault else "The reason was not recorded.",
        ),
    )
