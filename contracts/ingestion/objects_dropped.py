"""ObjectsDropped: objects that arrived in the inbox, read from an S3 event notification."""

from contracts.message import Message, Shape


class DroppedObject(Shape):
    bucket: str
    key: str
    size: int = 0
    version_id: str | None = None
    sequencer: str | None = None


class ObjectsDroppedV1(Message):
    """No objects: a notification that only tests the way (`s3:TestEvent`)."""

    objects: tuple[DroppedObject, ...] = ()
