"""What the registry has of a document, as an audit sees it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.ingestion.models.version import Description, Origin, Result

# What the index must hold: the ready version, nothing, or it cannot be said while work goes on.
Standing = Literal["ready", "gone", "moving"]


@dataclass(frozen=True, slots=True)
class ReadyVersion:
    """The version that readers find; `key` is its original, if there is one."""

    ordinal: int
    origin: Origin
    description: Description
    result: Result
    media_type: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """`ready` is there if `standing` says so; `last_ordinal` is the highest ever given."""

    document_id: str
    name: str
    standing: Standing
    last_ordinal: int
    created_at: datetime
    ready: ReadyVersion | None = None
