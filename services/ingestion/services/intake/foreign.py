"""Messages without an envelope: S3 event notifications, and what a person sends by hand."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import unquote_plus

from pydantic import (
    AliasPath,
    BaseModel,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from contracts.envelope import Context, Envelope, derived_id, new_id, wrap
from contracts.ingestion.document import document_id, normal_name
from contracts.ingestion.documents import DeleteDocumentV1, DroppedObject, ObjectsDroppedV1
from contracts.topology import INBOX_PREFIX
from services.ingestion.models.version import BY_HAND

# A notification's envelope needs a tenant; each object's own is read from its key.
NO_TENANT = "s3"
_BY_HAND = ("IngestDocument", "DeleteDocument")


class _Record(BaseModel):
    """What counts of an S3 event record; a removal has no size, and not every bucket versions."""

    event: str = Field(validation_alias="eventName")
    bucket: str = Field(min_length=1, validation_alias=AliasPath("s3", "bucket", "name"))
    key: str = Field(min_length=1, validation_alias=AliasPath("s3", "object", "key"))
    size: int = Field(default=0, ge=0, validation_alias=AliasPath("s3", "object", "size"))
    version: str | None = Field(
        default=None, validation_alias=AliasPath("s3", "object", "versionId")
    )
    sequencer: str | None = Field(
        default=None, validation_alias=AliasPath("s3", "object", "sequencer")
    )
    etag: str | None = Field(default=None, validation_alias=AliasPath("s3", "object", "eTag"))


def _checked(raw: object, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(raw)
    except ValidationError:
        raise ValueError(
            "this is no S3 event record: it needs eventName, s3.bucket.name and s3.object.key, and"
            " s3.object.size must be a number"
        ) from None


class _Notification(BaseModel):
    """As "Event message structure" in S3's user guide shows it."""

    Records: tuple[Annotated[_Record, WrapValidator(_checked)], ...]


def foreign(body: Mapping[str, Any], raw: str) -> Envelope | None:
    """None for a form that is not known. Raises ValidationError for a bad field or record.

    The id comes from bucket, key and version (else sequencer) of the objects, or from a hash of
    the body: the same thing told twice is the same message.
    """
    if body.get("Event") == "s3:TestEvent":
        return _notification(())
    if isinstance(body.get("Records"), list):
        return _notification(tuple(_objects(_Notification.model_validate(body).Records)))
    if "tenant" in body and body.get("type", "IngestDocument") in _BY_HAND:
        return _by_hand(body, raw)
    return None


def _notification(objects: tuple[DroppedObject, ...]) -> Envelope:
    told = "|".join(object_id(dropped) for dropped in objects)
    identity = {"id": derived_id("s3", told)} if objects else {}
    return wrap(ObjectsDroppedV1(objects=objects), _context(objects), **identity)


def _objects(records: Sequence[_Record]) -> Iterator[DroppedObject]:
    for record in records:
        if not record.event.removeprefix("s3:").startswith("ObjectCreated:"):
            continue
        yield DroppedObject(
            bucket=record.bucket,
            key=unquote_plus(record.key),
            size=record.size,
            version_id=record.version,
            sequencer=record.sequencer,
            etag=record.etag,
        )


def object_id(dropped: DroppedObject) -> str:
    """Some emulators give every event the same sequencer; the ETag still tells contents apart."""
    etag = (dropped.model_extra or {}).get("etag")
    return derived_id(
        dropped.bucket, dropped.key, dropped.version_id or dropped.sequencer or "", etag or ""
    )


def _context(objects: Sequence[DroppedObject]) -> Context:
    """Of the first object's tenant, for the log; a bad one is refused with its object."""
    prefix, _, rest = (objects[0].key if objects else "").partition("/")
    if f"{prefix}/" == INBOX_PREFIX:
        with suppress(ValidationError):
            return Context(tenant=rest.partition("/")[0])
    return Context(tenant=NO_TENANT)


def _by_hand(body: Mapping[str, Any], raw: str) -> Envelope:
    kind = body.get("type", "IngestDocument")
    data = {key: value for key, value in body.items() if key not in ("type", "tenant")}
    name = data.get("name")
    if kind == "DeleteDocument" and "document_id" not in data and isinstance(name, str):
        data = {"document_id": document_id(str(body["tenant"]), normal_name(name))}
    return Envelope(
        id=BY_HAND + sha256(raw.encode()).hexdigest(),
        type=kind,
        version=DeleteDocumentV1.message_version if kind == "DeleteDocument" else 1,
        occurred_at=datetime.now(UTC),
        tenant=body["tenant"],
        correlation_id=new_id(),
        data=data,
    )
