"""A tenant that was deleted."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was made up to `until` is a deleted tenant's.

    `closed`: nobody has created a tenant of the same name since.
    """

    until: datetime
    closed: bool
