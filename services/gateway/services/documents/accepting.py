"""Takes an upload in: file to S3, message to ingestion, note for the status, in this order."""

import asyncio
import logging
import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from contracts.envelope import Context
from contracts.ingestion.document import document_id, normal_name
from contracts.ingestion.documents import IngestDocumentV2, StoredObject
from contracts.ingestion.media_types import KNOWN, media_type_of
from contracts.topology import UPLOADS_PREFIX
from services.gateway.models.document import AcceptedNote, Labels, Upload
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import InvalidRequest, UnknownKind
from services.gateway.services.ports import Notes
from shared.errors import Unavailable
from shared.observability import bound, metric, span
from shared.ports import Blobs, Clock, Publisher

logger = logging.getLogger(__name__)
QUEUE = "ingestion-documents"
# The name is part of an S3 key, whose limit is 1,024 bytes.
_PATH_BYTES = 512
_DRIVE = re.compile(r"^[A-Za-z]:(?=[/\\])")
_NAME_BYTES = 255
_EXTENSION_BYTES = 16


@dataclass(frozen=True)
class Accepting:
    blobs: Blobs
    publisher: Publisher
    notes: Notes
    clock: Clock
    # Seconds that ingestion has to take an upload in before it is asked whether it did.
    grace_s: float
    # Seconds that the queue has to confirm the message.
    send_s: float

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
            await self.blobs.put_stream(key, upload.chunks())
            offer = _offer(name, key, media_type, upload.labels, who)
            message_id = await self._sent(offer, context)
            note = AcceptedNote(
                document_id=document_id(who.tenant, name),
                name=name,
                message_id=message_id,
                media_type=media_type,
                tags=offer.tags,
                visibility=offer.visibility,
                user=who.user,
                offer=offer.model_dump(mode="json"),
                accepted_at=self.clock.now(),
            )
            await self._keep(who.tenant, note)
            metric("Uploads", 1)
            logger.info("accepted", extra={"fields": {"document_id": note.document_id}})
        return note

    async def _sent(self, offer: IngestDocumentV2, context: Context) -> str:
        try:
            async with asyncio.timeout(self.send_s):
                return await self.publisher.send(QUEUE, offer, context)
        except TimeoutError:
            raise Unavailable(QUEUE, f"no answer within {self.send_s} s") from None

    async def _keep(self, tenant: str, note: AcceptedNote) -> None:
        """Without its note a document has no status until ingestion has read the message, and is
        not sent again when the queue loses it.
        """
        try:
            await self.notes.put(tenant, note, note.accepted_at + timedelta(seconds=self.grace_s))
        except Unavailable:
            logger.warning("note_not_kept", extra={"fields": {"document_id": note.document_id}})


def _offer(
    name: str, key: str, media_type: str, labels: Labels, who: Principal
) -> IngestDocumentV2:
    return IngestDocumentV2(
        name=name,
        source=StoredObject(key=key),
        media_type=media_type,
        tags=labels.tags,
        metadata=labels.metadata,
        visibility=labels.visibility,
        # A document that the uploader may not see is not replaced.
        visible_to=who.managed_as,
    )


def safe_name(raw: str) -> str:
    """A document's name out of whatever a client calls its file; folders are part of it.

    Each part of the path is normalised as by every other entrance, `.` and `..` are left out, and
    a file name that is too long is cut before its extension. Raises InvalidRequest.
    """
    parts = [normal_name(part) for part in re.split(r"[/\\]", _DRIVE.sub("", raw))]
    kept = [part for part in parts if part.strip(". ")]
    if not parts[-1].strip(". "):
        raise InvalidRequest("file", "The file needs a name, such as 'handbook.pdf'.")
    name = "/".join((*kept[:-1], _shortened(kept[-1])))
    if len(name.encode()) > _PATH_BYTES:
        raise InvalidRequest("file", f"The path is longer than {_PATH_BYTES} bytes; shorten it.")
    return name


def _shortened(name: str) -> str:
    if len(name.encode()) <= _NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = f"{dot}{extension}" if stem and len(extension.encode()) <= _EXTENSION_BYTES else ""
    kept = (stem if tail else name).encode()[: _NAME_BYTES - len(tail.encode())]
    return kept.decode(errors="ignore").rstrip() + tail
