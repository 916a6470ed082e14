"""A file as it comes in over HTTP."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Upload:
    """`file_name` is the client's own word, not yet checked; no visibility: the whole tenant."""

    file_name: str
    body: bytes
    tags: tuple[str, ...]
    metadata: dict[str, str | int | float | bool | date]
    visibility: tuple[str, ...] | None = None
