"""Takes an upload in: file to S3, message to ingestion, note for the status, in this order."""

import logging
import re
import unicodedata
from dataclasses import dataclass
from uuid import uuid4

from contracts.envelope import Context
from contracts.ingestion.document import document_id
from contracts.ingestion.documents import IngestDocumentV2, StoredObject
from contracts.ingestion.media_types import KNOWN, media_type_of
from contracts.topology import UPLOADS_PREFIX
from services.gateway.models.document import AcceptedNote, Upload
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import InvalidRequest, UnknownKind
from services.gateway.services.ports import Notes
from shared.errors import Unavailable
from shared.observability import bound, metric, span
from shared.ports import Blobs, Clock, Publisher

logger = logging.getLogger(__name__)
# The name is part of an S3 key, whose limit is 1,024 bytes.
_NAME_BYTES = 255
_EXTENSION_BYTES = 16


@dataclass(frozen=True)
class Accepting:
    blobs: Blobs
    publisher: Publisher
    notes: Notes
    clock: Clock

    async def accept(self, who: Principal, upload: Upload) -> AcceptedNote:
        """Returns when the message is confirmed: from then on the document cannot be lost.

        Raises InvalidRequest, UnknownKind or Unavailable.
        """
        name = safe_name(upload.file_name)
        media_type = media_type_of(name)
        if media_type is None:
            raise UnknownKind(name, list(KNOWN))
        context = Context(tenant=who.tenant, principal=who.user)
        with bound(tenant=who.tenant, correlation_id=context.correlation_id), span("accept"):
            key = f"{UPLOADS_PREFIX}{who.tenant}/{uuid4()}/{name}"
            await self.blobs.put(key, upload.body)
            message_id = await self._send(who, name, key, media_type, upload, context)
            note = AcceptedNote(
                document_id=document_id(who.tenant, name),
                name=name,
                message_id=message_id,
                media_type=media_type,
                tags=upload.tags,
                visibility=upload.visibility,
                accepted_at=self.clock.now(),
            )
            await self._keep(who.tenant, note)
            metric("Uploads", 1)
            logger.info("accepted", extra={"fields": {"document_id": note.document_id}})
        return note

    async def _send(
        self,
        who: Principal,
        name: str,
        key: str,
        media_type: str,
        upload: Upload,
        context: Context,
    ) -> str:
        message = IngestDocumentV2(
            name=name,
            source=StoredObject(key=key),
            media_type=media_type,
            tags=upload.tags,
            metadata=upload.metadata,
            visibility=upload.visibility,
            # A document that the uploader may not see is not replaced.
            visible_to=who.managed_as,
        )
        return await self.publisher.send("ingestion-documents", message, context)

    async def _keep(self, tenant: str, note: AcceptedNote) -> None:
        """Without its note a document has no status until ingestion has read the message."""
        try:
            await self.notes.put(tenant, note)
        except Unavailable:
            logger.warning("note_not_kept", extra={"fields": {"document_id": note.document_id}})


def safe_name(raw: str) -> str:
    """A document's name out of whatever a client calls its file.

    It is the last part of the path, in NFC, without control characters; when it is too long it is
    cut before its extension. Raises InvalidRequest when nothing is left.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", raw))[-1]
    printable = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in last
        if unicodedata.category(letter) not in ("Cf", "Cs", "Co", "Cn")
    )
    name = _shortened(" ".join(printable.split()))
    if not name.strip(". "):
        raise InvalidRequest("file", "The file needs a name, such as 'handbook.pdf'.")
    return name


def _shortened(name: str) -> str:
    if len(name.encode()) <= _NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = f"{dot}{extension}" if stem and len(extension.encode()) <= _EXTENSION_BYTES else ""
    kept = (stem if tail else name).encode()[: _NAME_BYTES - len(tail.encode())]
    return kept.decode(errors="ignore").rstrip() + tail
