"""What the queue finetune-exports carries about training sets: asked for, made, shown."""

from datetime import datetime
from typing import Any

from pydantic import Field

from contracts.message import Message, Shape


class ExportRequestedV1(Message):
    """Make a training set of the tenant's turns. Answered by ExportAnswered.

    The same request has the same id: asking twice makes one set. `until` is when the last turn was
    asked at most; `models` None or empty: whatever model answered.
    """

    format: str = Field(min_length=1, max_length=64)
    base_model: str = Field(min_length=1, max_length=256)
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    since: datetime | None = None
    until: datetime
    models: tuple[str, ...] = ()


class RunExportV1(Message):
    """finetune_export to itself: the export is accepted, make its set."""

    export_id: str


class GetExportV1(Message):
    """Answered by ExportAnswered, or refused with `not_found`."""

    export_id: str = Field(min_length=1, max_length=64)


class ListExportsV1(Message):
    """Newest first. Answered by ExportsListed."""

    limit: int = Field(default=50, ge=1, le=200)


class ExportStage(Shape):
    """How many records came into a stage and left it, and why the others did not."""

    name: str
    came: int = Field(ge=0)
    left: int = Field(ge=0)
    dropped: dict[str, int] = Field(default_factory=dict)


class ExportShape(Shape):
    """`status` is accepted, running, done or failed; `reason` says why it failed.

    `manifest` comes with a single one that is done, without the turns' ids, and so do `downloads`:
    URLs by file name, which end after some minutes.
    """

    export_id: str
    status: str
    reason: str | None = None
    format: str
    base_model: str
    seed: int
    since: datetime | None = None
    until: datetime
    models: tuple[str, ...] = ()
    accepted_at: datetime
    stages: tuple[ExportStage, ...] = ()
    manifest: dict[str, Any] | None = None
    downloads: dict[str, str] = Field(default_factory=dict)


class ExportAnsweredV1(Message):
    export: ExportShape


class ExportsListedV1(Message):
    exports: tuple[ExportShape, ...]
