"""Takes an upload in: file to S3, message to ingestion, note for the status, in this order."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from contracts.envelope import Context
from contracts.gateway.http import DocumentAccepted
from contracts.ingestion.document import document_id
from contracts.ingestion.documents import IngestDocumentV2, StoredObject
from contracts.ingestion.media_types import KNOWN, media_type_of
from contracts.topology import UPLOADS_PREFIX
from services.gateway.models.document import AcceptedNote, Notes
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import UnknownKind
from services.gateway.models.upload import Upload
from services.gateway.services.file_name import safe_name
from shared.errors import Unavailable
from shared.observability import bound, metric, span
from shared.ports import Blobs, Publisher

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AcceptDocument:
    """Returns when the message is confirmed: from then on the document cannot be lost."""

    blobs: Blobs
    publisher: Publisher
    notes: Notes

    async def __call__(self, who: Principal, upload: Upload) -> DocumentAccepted:
        """Raises InvalidRequest, UnknownKind or Unavailable."""
        name = safe_name(upload.file_name)
        media_type = media_type_of(name)
        if media_type is None:
            raise UnknownKind(name, list(KNOWN))
        context = Context(tenant=who.tenant, principal=who.user)
        with bound(tenant=who.tenant, correlation_id=context.correlation_id), span("accept"):
            key = f"{UPLOADS_PREFIX}{who.tenant}/{uuid4()}/{name}"
            await self.blobs.put(key, upload.body)
            message_id = await self._send(name, key, media_type, upload, context)
            note = AcceptedNote(
                document_id=document_id(who.tenant, name),
                name=name,
                message_id=message_id,
                media_type=media_type,
                tags=upload.tags,
                visibility=upload.visibility,
                accepted_at=datetime.now(UTC),
            )
            await self._note(who.tenant, note)
            metric("Uploads", 1)
            logger.info("accepted", extra={"fields": {"document_id": note.document_id}})
        return DocumentAccepted(document_id=note.document_id, name=name, status="accepted")

    async def _send(
        self, name: str, key: str, media_type: str, upload: Upload, context: Context
    ) -> str:
        message = IngestDocumentV2(
            name=name,
            source=StoredObject(key=key),
            media_type=media_type,
            tags=upload.tags,
            metadata=upload.metadata,
            visibility=upload.visibility,
        )
        return await self.publisher.send("ingestion-documents", message, context)

    async def _note(self, tenant: str, note: AcceptedNote) -> None:
        """Without it the status is known some moments later, from ingestion."""
        try:
            await self.notes.put(tenant, note)
        except Unavailable:
            logger.warning("note_not_kept", extra={"fields": {"document_id": note.document_id}})
