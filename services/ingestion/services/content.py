"""A document's bytes: their kind, their hash, their limit, and long work on them."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

from contracts.ingestion.media_types import KNOWN, media_type_of
from services.ingestion.models.version import Fault

T = TypeVar("T")
# Hashing or decoding so many bytes takes less than a millisecond, and cutting them some 5.
LONG = 200_000


async def aside(size: int, work: Callable[[], T]) -> T:
    """In a thread when there is much to do, so that the event loop stays free."""
    return await asyncio.to_thread(work) if size > LONG else work()


def content_hash(body: bytes, media_type: str) -> str:
    """The same bytes read as another kind are other content."""
    return sha256(media_type.encode() + b"\0" + body).hexdigest()


def too_large(limit: int) -> Fault:
    return Fault(
        "too_large",
        f"The document is larger than the limit of {limit / 1024**2:.0f} MiB. Split it.",
    )


def known_type(said: str | None, *names: str) -> str | None:
    """What the sender says if we know it (browsers often say nothing useful), else by the name."""
    cleaned = (said or "").partition(";")[0].strip().lower()
    if cleaned in KNOWN.values():
        return cleaned
    return next((found for name in names if (found := media_type_of(name))), None)
