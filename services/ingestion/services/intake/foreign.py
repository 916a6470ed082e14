"""Messages without an envelope: S3 event notifications, and what a person sends by hand."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_plus

from contracts.envelope import Context, Envelope, derived_id, new_id, wrap
from contracts.ingestion.document import document_id
from contracts.ingestion.documents import DeleteDocumentV1, DroppedObject, ObjectsDroppedV1
from contracts.topology import INBOX_PREFIX

# A notification's envelope needs a tenant; each object's own is read from its key.
NO_TENANT = "s3"
_BY_HAND = ("IngestDocument", "DeleteDocument")


def foreign(body: Mapping[str, Any], raw: str) -> Envelope | None:
    """None for a form that is not known. Raises ValidationError for a bad field.

    The id comes from bucket, key and version (else sequencer) of the objects, or from a hash of
    the body: the same thing told twice is the same message.
    """
    if body.get("Event") == "s3:TestEvent":
        return _notification(())
    records = body.get("Records")
    if isinstance(records, list) and all(isinstance(record, dict) for record in records):
        return _notification(tuple(_objects(records)))
    if "tenant" in body and body.get("type", "IngestDocument") in _BY_HAND:
        return _by_hand(body, raw)
    return None


def _notification(objects: tuple[DroppedObject, ...]) -> Envelope:
    told = "|".join(object_id(dropped) for dropped in objects)
    context = Context(tenant=_tenant(objects))
    identity = {"id": derived_id("s3", told)} if objects else {}
    return wrap(ObjectsDroppedV1(objects=objects), context, **identity)


def _objects(records: Sequence[Mapping[str, Any]]) -> Iterator[DroppedObject]:
    for record in records:
        if not str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated:"):
            continue
        s3 = record.get("s3", {})
        described = s3.get("object", {})
        yield DroppedObject(
            bucket=s3.get("bucket", {}).get("name"),
            key=unquote_plus(str(described.get("key", ""))),
            size=described.get("size", 0),
            version_id=described.get("versionId"),
            sequencer=described.get("sequencer"),
            etag=described.get("eTag"),
        )


def object_id(dropped: DroppedObject) -> str:
    """Some emulators give every event the same sequencer; the ETag still tells contents apart."""
    etag = (dropped.model_extra or {}).get("etag")
    return derived_id(
        dropped.bucket, dropped.key, dropped.version_id or dropped.sequencer or "", etag or ""
    )


def _tenant(objects: Sequence[DroppedObject]) -> str:
    if not objects or not objects[0].key.startswith(INBOX_PREFIX):
        return NO_TENANT
    return objects[0].key.split("/")[1] or NO_TENANT


def _by_hand(body: Mapping[str, Any], raw: str) -> Envelope:
    kind = body.get("type", "IngestDocument")
    data = {key: value for key, value in body.items() if key not in ("type", "tenant")}
    if kind == "DeleteDocument" and "document_id" not in data and "name" in data:
        data = {"document_id": document_id(str(body["tenant"]), str(data["name"]))}
    return Envelope(
        id=derived_id("by-hand", sha256(raw.encode()).hexdigest()),
        type=kind,
        version=DeleteDocumentV1.message_version if kind == "DeleteDocument" else 1,
        occurred_at=datetime.now(UTC),
        tenant=body["tenant"],
        correlation_id=new_id(),
        data=data,
    )
