"""Small files are read side by side, large ones one at a time."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.ingestion.media_types import PLAIN_TEXT
from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.models.version import Claim, Description, Origin
from services.ingestion.services.chunking.strategies import Chunkings, InputLimit
from services.ingestion.services.working.ingest import Ingest
from services.ingestion.services.working.parts import TakeInParts
from shared.testing.fakes import FakeBlobs

NOTHING: Any = None


class Slow:
    """A parser that says how many files it had at once, and reads none."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def parse(self, body: bytes, media_type: str) -> Parsed:
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(10):
            await asyncio.sleep(0)
        self.now -= 1
        raise Rejected("unreadable", f"{len(body)} bytes of {media_type}")


def claim(n: int) -> Claim:
    origin = Origin("acme", f"m{n}", "c")
    made = datetime(2026, 1, 1, tzinfo=UTC)
    key = f"uploads/acme/{n}/a.txt"
    return Claim(
        f"c{n}", f"d{n}", 1, "a.txt", origin, Description(), made, media_type=PLAIN_TEXT, key=key
    )


@pytest.mark.parametrize(("size", "at_once"), [(50, 4), (51, 1), (100, 1)])
async def test_large_files_are_read_one_at_a_time(size: int, at_once: int) -> None:
    parser: Any = Slow()
    claims = [claim(n) for n in range(4)]
    blobs = FakeBlobs({one.key or "": b"x" * size for one in claims})
    chunkings = Chunkings(InputLimit(512))
    parts = TakeInParts(NOTHING, blobs, asyncio.Event(), 100)
    ingest = Ingest(NOTHING, blobs, parser, NOTHING, parts, chunkings, large_bytes=50)
    ended = await asyncio.gather(*map(ingest.ingest, claims), return_exceptions=True)
    assert {str(one) for one in ended} == {
        str(Rejected("unreadable", f"{size} bytes of {PLAIN_TEXT}"))
    }
    assert parser.most == at_once


async def test_what_is_over_the_limit_is_rejected() -> None:
    blobs = FakeBlobs({claim(1).key or "": b"x" * 101})
    chunkings = Chunkings(InputLimit(512))
    parts = TakeInParts(NOTHING, blobs, asyncio.Event(), 100)
    ingest = Ingest(NOTHING, blobs, NOTHING, NOTHING, parts, chunkings, large_bytes=50)
    with pytest.raises(Rejected, match="too_large"):
        await ingest.ingest(claim(1))
