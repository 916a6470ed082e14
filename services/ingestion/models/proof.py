"""What a deletion removed, where and when."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Purged:
    """`removed` things went from `place` of `service` at `at`."""

    service: str
    place: str
    removed: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Certificate:
    """The newest deletion of a document; `confirmed` are the services that have purged all.

    `name` is None once the registry has forgotten it.
    """

    document_id: str
    ordinal: int
    name: str | None
    deleted_at: datetime
    deleted_by: str | None
    complete: bool
    confirmed: tuple[str, ...] = ()
    places: tuple[Purged, ...] = ()
