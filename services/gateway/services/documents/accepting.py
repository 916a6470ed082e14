"""Takes an upload in: file to S3, message to ingestion, note for the status, in this order."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from contracts.envelope import Context
from contracts.ingestion.document import document_id, normal_name
from contracts.ingestion.documents import COPY_MAX, IngestDocumentV2, StoredObject
from contracts.ingestion.media_types import KNOWN, media_type_of
from contracts.topology import UPLOADS_PREFIX
from services.gateway.models.document import AcceptedNote, ExpectedUpload, Labels, Upload
from services.gateway.models.principal import Principal
from services.gateway.models.refusals import InvalidRequest, UnknownKind
from services.gateway.services.ports import Notes, UploadStore
from shared.errors import Unavailable
from shared.observability import bound, metric, span
from shared.ports import Clock, Grant, Publisher

logger = logging.getLogger(__name__)
QUEUE = "ingestion-documents"
# The name is part of an S3 key, whose limit is 1,024 bytes.
_PATH_BYTES = 512
_DRIVE = re.compile(r"^[A-Za-z]:(?=[/\\])")
_NAME_BYTES = 255
_EXTENSION_BYTES = 16


@dataclass(frozen=True)
class Grants:
    """The most bytes of a file that a client puts into S3 itself, and its seconds to begin."""

    limit_bytes: int
    within_s: int


@dataclass(frozen=True)
class Granted:
    """`grant` is good until `expires`."""

    note: AcceptedNote
    grant: Grant
    expires: datetime


@dataclass(frozen=True)
class Accepting:
    blobs: UploadStore
    publisher: Publisher
    notes: Notes
    clock: Clock
    # Seconds that ingestion has to take an upload in before it is asked whether it did.
    grace_s: float
    # Seconds that the queue has to confirm the message.
    send_s: float
    grants: Grants

    async def accept(self, who: Principal, upload: Upload) -> AcceptedNote:
        """Returns when the message is confirmed: from then on the document cannot be lost.

        Raises InvalidRequest, UnknownKind or Unavailable.
        """
        name, media_type = _known(upload.file_name)
        context = Context(tenant=who.tenant, principal=who.user)
        with bound(tenant=who.tenant, correlation_id=context.correlation_id), span("accept"):
            key = f"{UPLOADS_PREFIX}{who.tenant}/{uuid4()}/{name}"
            copy = _Copy()
            await self.blobs.put_stream(key, copy.of(upload.chunks()))
            offer = _offer(name, key, media_type, upload.labels, who)
            message_id = await self._sent(copy.added_to(offer), context)
            return await self._noted(who, offer, media_type, message_id)

    async def expect(self, who: Principal, wanted: ExpectedUpload) -> Granted:
        """The client puts the file into S3 by itself. It is offered at once, and awaited.

        Raises InvalidRequest, UnknownKind or Unavailable.
        """
        name, media_type = _known(wanted.file_name)
        if wanted.media_type is not None and wanted.media_type in KNOWN.values():
            media_type = wanted.media_type
        if wanted.size > self.grants.limit_bytes:
            words = f"The limit is {self.grants.limit_bytes:,} bytes. Send something smaller."
            raise InvalidRequest("size", words)
        context = Context(tenant=who.tenant, principal=who.user)
        with bound(tenant=who.tenant, correlation_id=context.correlation_id), span("expect"):
            key = f"{UPLOADS_PREFIX}{who.tenant}/{uuid4()}/{name}"
            expires = self.clock.now() + timedelta(seconds=self.grants.within_s)
            grant = await self.blobs.grant(key, wanted.size, self.grants.within_s)
            offer = _offer(name, key, media_type, wanted.labels, who)
            # S3 checks the time when an upload begins: it may end as much later.
            awaited = expires + timedelta(seconds=self.grants.within_s)
            source = offer.source.model_copy(update={"awaited_until": awaited})
            offer = offer.model_copy(update={"source": source})
            note = await self._noted(who, offer, media_type, await self._sent(offer, context))
        return Granted(note, grant, expires)

    async def _noted(
        self, who: Principal, offer: IngestDocumentV2, media_type: str, message_id: str
    ) -> AcceptedNote:
        note = AcceptedNote(
            document_id=document_id(who.tenant, offer.name),
            name=offer.name,
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


class _Copy:
    """The beginning of a file as it passes by; all of it, if it is short.

    A short text goes with its message, so that ingestion does not fetch it: an eighth of what a
    small document costs there. The note has it without: it may be sent again, which is rare.
    """

    def __init__(self) -> None:
        self._body = bytearray()

    async def of(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            if len(self._body) <= COPY_MAX:
                self._body += chunk[: COPY_MAX + 1]
            yield chunk

    def added_to(self, offer: IngestDocumentV2) -> IngestDocumentV2:
        """The offer itself for a long file, and for one that is no text in UTF-8."""
        if len(self._body) > COPY_MAX or b"\0" in self._body:
            return offer
        try:
            text = self._body.decode()
        except UnicodeDecodeError:
            return offer
        source = offer.source.model_copy(update={"text": text})
        return offer.model_copy(update={"source": source})


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
        chunking=labels.chunking,
    )


def _known(file_name: str) -> tuple[str, str]:
    """A file's safe name and its media type. Raises InvalidRequest or UnknownKind."""
    name = safe_name(file_name)
    media_type = media_type_of(name)
    if media_type is None:
        raise UnknownKind(name, list(KNOWN))
    return name, media_type


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
