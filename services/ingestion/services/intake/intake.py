"""Documents are checked and committed as rows, which the workers find."""

import re
from asyncio import Event
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts.envelope import Context, Tenant, derived_id
from contracts.ingestion.chunking import known_chunking
from contracts.ingestion.document import document_id, normal_name, storable
from contracts.ingestion.documents import DroppedObject, IngestDocumentV2, InlineText
from contracts.ingestion.media_types import KNOWN, PLAIN_TEXT
from contracts.topology import INBOX_PREFIX, UPLOADS_PREFIX
from services.ingestion.models.errors import Unwelcome
from services.ingestion.models.version import BY_HAND, Description, Fault, Intake
from services.ingestion.services.announcing import origin_of
from services.ingestion.services.content import aside, content_hash, known_type, too_large
from services.ingestion.services.deleted_tenants import DeletedTenants
from services.ingestion.services.intake.foreign import object_id
from services.ingestion.services.intake.object_metadata import description_of
from services.ingestion.services.intake.permits import Permits, check_key
from services.ingestion.services.ports import Carrier, Intakes
from shared.ports import Listed

NAME_MAX = 512
_TENANT: TypeAdapter[str] = TypeAdapter(Tenant)
_TEXTUAL = re.compile(r"text/.*|.*[/+](json|xml|yaml|x-ndjson|rfc822)")


@dataclass(frozen=True)
class TakeIn:
    """`work` wakes this process's worker; those of other processes poll.

    `permits` say who may send on the queue that stands open to others than the gateway.
    """

    intakes: Intakes
    blobs: Carrier
    permits: Permits
    deleted: DeletedTenants
    work: Event
    bucket: str
    max_bytes: int

    async def message(self, message: IngestDocumentV2, context: Context) -> None:
        """Raises Unwelcome for a foreign sender or key and for what cannot be stored."""
        self.permits.check(context)
        name = _name(message.name)
        described = Description(
            message.tags,
            message.model_dump(mode="json", include={"metadata"})["metadata"],
            message.visibility,
        )
        fault = None
        if message.chunking is not None:
            try:
                described = replace(described, chunking=known_chunking(message.chunking))
            except ValueError as error:
                fault = Fault("unknown_chunking", str(error))
        source = message.source
        if isinstance(source, InlineText):
            media_type = known_type(message.media_type, name)
            if media_type is None or not _TEXTUAL.fullmatch(media_type):
                media_type = PLAIN_TEXT
            inline = partial(self._inline, source.text, media_type)
            fields = await aside(len(source.text), inline)
        else:
            check_key(context.tenant, source.key)
            # Its sequencer would be no use: only S3's own, of the same key, can be compared.
            media_type = known_type(message.media_type, name, source.key)
            # PostgreSQL's text cannot hold NUL: such a text is fetched.
            copy = None if "\0" in (source.text or "") else source.text
            awaited = source.awaited_until
            fields = {"key": source.key, "text": copy, "awaited_until": awaited}
            fields["media_type"] = media_type
            # What a person sends by hand may name an object too.
            by_hand = (context.causation_id or "").startswith(BY_HAND)
            if source.key.startswith(UPLOADS_PREFIX) and not by_hand:
                fields["source"] = "http"
        fields["visible_to"] = message.visible_to
        fields["fault"] = fault or fields.get("fault")
        await self._take_in(context, name, described, fields)

    async def dropped(self, dropped: DroppedObject, context: Context) -> None:
        """Tenant and name stand in the key: `inbox/<tenant>/<name>`. Raises Unwelcome."""
        if is_folder(dropped.key, dropped.size):
            return
        tenant, name = self._address(dropped.bucket, dropped.key)
        own = context.of(tenant).model_copy(update={"causation_id": object_id(dropped)})
        sequencer = dropped.sequencer if self.permits.check_drop(own) else None
        etag = (dropped.model_extra or {}).get("etag")
        await self._drop(own, name, dropped.key, dropped.size, sequencer, etag)

    async def found(self, listed: Listed) -> None:
        """A drop whose notification was lost. Raises Unwelcome.

        A notification that comes all the same has an id of its own, since a listing names neither
        version nor sequencer: the worker then finds that the content is the same.
        """
        tenant, name = self._address(self.bucket, listed.key)
        told = derived_id(self.bucket, listed.key, listed.modified.isoformat(), listed.etag)
        own = Context(tenant=tenant, causation_id=told, sent_at=listed.modified)
        await self._drop(own, name, listed.key, listed.size, None, listed.etag)

    async def _drop(
        self,
        own: Context,
        name: str,
        key: str,
        size: int,
        sequencer: str | None,
        etag: str | None,
    ) -> None:
        fields: dict[str, Any] = {"key": key, "sequencer": sequencer, "etag": etag}
        fields["source"] = "drop"
        described = Description()
        if size > self.max_bytes:
            fields["fault"] = too_large(self.max_bytes)
        else:
            try:
                described = description_of(await self.blobs.metadata(key))
            except ValueError as error:
                fields["fault"] = Fault("invalid_metadata", str(error))
        fields["media_type"] = known_type(None, name)
        await self._take_in(own, name, described, fields)

    async def _take_in(
        self, context: Context, name: str, described: Description, fields: dict[str, Any]
    ) -> None:
        if await self.deleted.is_late(context):
            await self._remove(fields.get("key"))
            return
        if fields["media_type"] is None and fields.get("fault") is None:
            words = f"The kind of {name} is not known. Convert it to one of: {', '.join(KNOWN)}."
            fields["fault"] = Fault("unknown_kind", words)
        origin, identity = origin_of(context), document_id(context.tenant, name)
        fields["sent_at"] = context.sent_at
        for text in (origin.message_id, origin.correlation_id, origin.principal, fields.get("key")):
            _check_storable(text or "")
        offered = Intake(origin, identity, name, described, **fields)
        verdict = await self.intakes.take_in(offered)
        if verdict == "new":
            self.work.set()
        if verdict in ("overtaken", "refused"):
            await self._remove(offered.key)

    async def _remove(self, key: str | None) -> None:
        """Nothing uses the upload. A drop stays: its key may hold something newer by now."""
        if key is None or not key.startswith(UPLOADS_PREFIX):
            return
        await self.blobs.delete(key)

    def _inline(self, text: str, media_type: str) -> dict[str, Any]:
        try:
            body = text.encode()
        except UnicodeEncodeError:
            raise Unwelcome("the text holds lone surrogates; send it as valid Unicode") from None
        if len(body) > self.max_bytes:
            return {"key": None, "media_type": media_type, "fault": too_large(self.max_bytes)}
        # PostgreSQL's text cannot hold NUL, and no reader misses it.
        return {
            "text": text.replace("\0", " "),
            "content_hash": content_hash(body, media_type),
            "media_type": media_type,
        }

    def _address(self, bucket: str, key: str) -> tuple[str, str]:
        if bucket != self.bucket:
            raise Unwelcome(f"bucket {bucket} is not the carrier bucket {self.bucket}")
        prefix, _, rest = key.partition("/")
        tenant, _, name = rest.partition("/")
        if f"{prefix}/" != INBOX_PREFIX or not name:
            raise Unwelcome(f"drop documents as {INBOX_PREFIX}<tenant>/<name>, not {key}")
        try:
            return _TENANT.validate_python(tenant), _name(name)
        except ValidationError:
            raise Unwelcome(f"{tenant!r} in the object's key is no valid tenant") from None


def is_folder(key: str, size: int) -> bool:
    """The S3 console makes folders that way."""
    return key.endswith("/") and not size


def _name(raw: str) -> str:
    name = normal_name(raw)
    if not name.strip(". ") or len(name) > NAME_MAX:
        raise Unwelcome(f"a document needs a name of 1 to {NAME_MAX} characters that can be seen")
    return name


def _check_storable(text: str) -> None:
    try:
        storable(text)
    except ValueError as error:
        raise Unwelcome(f"the message's id, principal or key cannot be stored: {error}") from None
