"""Documents are checked and committed as rows, which the workers find."""

import json
import re
from asyncio import Event
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts.envelope import Context, Tenant
from contracts.ingestion.document import document_id
from contracts.ingestion.documents import DroppedObject, IngestDocumentV2, InlineText
from contracts.ingestion.media_types import KNOWN, PLAIN_TEXT, media_type_of
from contracts.topology import INBOX_PREFIX
from services.ingestion.models.errors import Unwelcome
from services.ingestion.models.version import Description, Fault, Intake, Origin
from services.ingestion.services.announcing import origin_of
from services.ingestion.services.intake.foreign import object_id
from services.ingestion.services.intake.permits import check_key
from services.ingestion.services.ports import Registry

NAME_MAX = 512
_TENANT: TypeAdapter[str] = TypeAdapter(Tenant)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TEXTUAL = re.compile(r"text/.*|.*[/+](json|xml|yaml|x-ndjson|rfc822)")


@dataclass(frozen=True)
class TakeIn:
    """`work` wakes this process's worker; those of other processes poll."""

    registry: Registry
    work: Event
    bucket: str
    max_bytes: int

    async def message(self, message: IngestDocumentV2, context: Context) -> None:
        """Raises Unwelcome for a foreign key and for fields that cannot be stored."""
        _check_name(message.name)
        described = Description(
            message.tags, message.model_dump(mode="json")["metadata"], message.visibility
        )
        _check_storable(described)
        source = message.source
        if isinstance(source, InlineText):
            fields = self._inline(message, source.text)
        else:
            check_key(context.tenant, source.key)
            media_type = known_type(message.media_type, message.name, source.key)
            fields = {"key": source.key, "sequencer": source.sequencer, "media_type": media_type}
        await self._take_in(origin_of(context), message.name, described, fields)

    async def dropped(self, dropped: DroppedObject, context: Context) -> None:
        """Tenant and name stand in the key: `inbox/<tenant>/<name>`. Raises Unwelcome."""
        tenant, name = self._address(dropped)
        own = context.of(tenant).model_copy(update={"causation_id": object_id(dropped)})
        media_type = known_type(None, name)
        fields: dict[str, Any] = {"key": dropped.key, "sequencer": dropped.sequencer}
        if dropped.size > self.max_bytes:
            fields["fault"] = self._too_large()
        fields["media_type"] = media_type
        await self._take_in(origin_of(own), name, Description(), fields)

    async def _take_in(
        self, origin: Origin, name: str, described: Description, fields: dict[str, Any]
    ) -> None:
        fault = fields.get("fault")
        if fields["media_type"] is None and fault is None:
            words = f"The kind of {name} is not known; known are: {', '.join(KNOWN)}."
            fields["fault"] = Fault("unknown_kind", words)
        identity = document_id(origin.tenant, name)
        if await self.registry.take_in(Intake(origin, identity, name, described, **fields)):
            self.work.set()

    def _inline(self, message: IngestDocumentV2, text: str) -> dict[str, Any]:
        media_type = known_type(message.media_type, message.name)
        if media_type is None or not _TEXTUAL.fullmatch(media_type):
            media_type = PLAIN_TEXT
        body = text.encode()
        if len(body) > self.max_bytes:
            return {"key": None, "media_type": media_type, "fault": self._too_large()}
        # PostgreSQL's text cannot hold NUL, and no reader misses it.
        return {
            "text": text.replace("\0", " "),
            "content_hash": content_hash(body, media_type),
            "media_type": media_type,
        }

    def _too_large(self) -> Fault:
        return Fault("too_large", too_large(self.max_bytes))

    def _address(self, dropped: DroppedObject) -> tuple[str, str]:
        if dropped.bucket != self.bucket:
            raise Unwelcome(f"bucket {dropped.bucket} is not the carrier bucket {self.bucket}")
        prefix, _, rest = dropped.key.partition("/")
        tenant, _, name = rest.partition("/")
        if f"{prefix}/" != INBOX_PREFIX or not name:
            raise Unwelcome(f"drop documents as {INBOX_PREFIX}<tenant>/<name>, not {dropped.key}")
        _check_name(name)
        try:
            return _TENANT.validate_python(tenant), name
        except ValidationError:
            raise Unwelcome(f"{tenant!r} in the object's key is no valid tenant") from None


def too_large(limit: int) -> str:
    return f"The document is larger than the limit of {limit / 1024**2:.0f} MiB."


def content_hash(body: bytes, media_type: str) -> str:
    """The same bytes read as another kind are other content."""
    return sha256(media_type.encode() + b"\0" + body).hexdigest()


def known_type(said: str | None, *names: str) -> str | None:
    """What the sender says if we know it (browsers often say nothing useful), else by the name."""
    cleaned = (said or "").partition(";")[0].strip().lower()
    if cleaned in KNOWN.values():
        return cleaned
    return next((found for name in names if (found := media_type_of(name))), None)


def _check_name(name: str) -> None:
    if len(name) > NAME_MAX or _CONTROL.search(name):
        raise Unwelcome(f"a document's name has at most {NAME_MAX} characters, none a control one")


def _check_storable(described: Description) -> None:
    held = json.dumps([described.tags, described.metadata, described.visibility])
    if "\\u0000" in held:
        raise Unwelcome("tags and metadata must not hold NUL characters")
