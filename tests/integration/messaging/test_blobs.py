"""Objects: uploads as a stream that leave nothing unfinished, and calls that end in time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from shared.blobs import CHUNK_BYTES, PART_BYTES, S3Blobs, open_blobs
from shared.errors import NoSuchObject, TooLarge, Unavailable
from shared.settings import Settings

KIB = 1024
KEY = "uploads/acme/1"


@pytest_asyncio.fixture
async def blobs(settings: Settings) -> AsyncIterator[S3Blobs]:
    async with open_blobs(settings, deadline_s=30) as opened:
        yield opened


async def chunks(size: int, chunk: int = 64 * KIB) -> AsyncIterator[bytes]:
    for start in range(0, size, chunk):
        yield bytes([start // chunk % 251]) * min(chunk, size - start)


async def unfinished(blobs: S3Blobs) -> int:
    answer = await blobs._s3.list_multipart_uploads(Bucket=blobs._bucket)
    return len(answer.get("Uploads", []))


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (0, 0),
        (1, 0),
        (PART_BYTES - 1, 0),
        (PART_BYTES, 1),
        (PART_BYTES + 1, 2),
        (2 * PART_BYTES, 2),
        (12 * 1024 * KIB, 3),
    ],
)
async def test_a_stream_becomes_the_object_in_parts_of_bounded_size(
    size: int, parts: int, blobs: S3Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_part, sizes = blobs._s3.upload_part, list[int]()

    async def counted(**parameters: Any) -> Any:
        sizes.append(parameters["Body"].getbuffer().nbytes)
        return await upload_part(**parameters)

    monkeypatch.setattr(blobs._s3, "upload_part", counted)
    await blobs.put_stream(KEY, chunks(size))
    assert await blobs.get(KEY) == b"".join([chunk async for chunk in chunks(size)])
    assert len(sizes) == parts
    assert max(sizes, default=0) < PART_BYTES + 64 * KIB
    assert await unfinished(blobs) == 0


class Breaks(Exception):
    """A client that is gone, or a limit that is reached."""


@pytest.mark.parametrize("after", [0, KIB, PART_BYTES + KIB, 2 * PART_BYTES + KIB])
async def test_a_stream_that_breaks_leaves_nothing(after: int, blobs: S3Blobs) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        async for chunk in chunks(after):
            yield chunk
        raise Breaks

    with pytest.raises(Breaks):
        await blobs.put_stream(KEY, breaking())
    with pytest.raises(NoSuchObject):
        await blobs.get(KEY)
    assert await unfinished(blobs) == 0


async def test_a_caller_that_is_cancelled_leaves_nothing(blobs: S3Blobs) -> None:
    waits = asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        async for chunk in chunks(PART_BYTES + KIB):
            yield chunk
        waits.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(blobs.put_stream(KEY, waiting()))
    await waits.wait()
    assert await unfinished(blobs) == 1
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert await unfinished(blobs) == 0


@pytest.mark.parametrize(
    "call", ["create_multipart_upload", "upload_part", "complete_multipart_upload"]
)
async def test_an_outage_in_the_middle_leaves_nothing(
    call: str, blobs: S3Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    fired = 0

    async def away(**_: Any) -> Any:
        nonlocal fired
        fired += 1
        raise ConnectionResetError

    monkeypatch.setattr(blobs._s3, call, away)
    with pytest.raises(Unavailable, match="s3"):
        await blobs.put_stream(KEY, chunks(2 * PART_BYTES))
    assert fired == 1
    assert await unfinished(blobs) == 0
    with pytest.raises(NoSuchObject):
        await blobs.get(KEY)


async def test_an_abort_that_fails_hides_no_error(
    blobs: S3Blobs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(**_: Any) -> Any:
        raise ConnectionResetError

    for call in ("upload_part", "abort_multipart_upload"):
        monkeypatch.setattr(blobs._s3, call, away)
    with pytest.raises(Unavailable, match="s3"):
        await blobs.put_stream(KEY, chunks(2 * PART_BYTES))
    assert "upload_not_aborted" in caplog.messages


async def test_too_large_an_object_is_not_read(blobs: S3Blobs) -> None:
    await blobs.put(KEY, b"12345")
    assert await blobs.get(KEY, 5) == b"12345"
    with pytest.raises(TooLarge, match="5 bytes"):
        await blobs.get(KEY, 4)


@pytest.mark.parametrize(
    ("byte_range", "told", "part"),
    [
        (None, None, slice(None)),
        ("bytes=0-9", "bytes 0-9/200000", slice(10)),
        ("bytes=199990-", "bytes 199990-199999/200000", slice(-10, None)),
        ("bytes=-5", "bytes 199995-199999/200000", slice(-5, None)),
        ("bytes=300000-", None, slice(None)),
    ],
)
async def test_an_object_or_a_range_of_it_is_streamed(
    byte_range: str | None, told: str | None, part: slice, blobs: S3Blobs
) -> None:
    whole = b"".join([chunk async for chunk in chunks(200_000)])
    await blobs.put(KEY, whole)
    download = await blobs.get_stream(KEY, byte_range=byte_range)
    pieces = [piece async for piece in download.chunks]
    download.close()
    assert b"".join(pieces) == whole[part]
    assert (download.length, download.content_range) == (len(whole[part]), told)
    assert max(map(len, pieces)) <= CHUNK_BYTES


async def test_an_object_of_another_etag_is_not_streamed(blobs: S3Blobs) -> None:
    with pytest.raises(NoSuchObject):
        await blobs.get_stream("uploads/acme/absent")
    await blobs.put(KEY, b"older")
    [[listed]] = [page async for page in blobs.listed(KEY)]
    same = await blobs.get_stream(KEY, etag=listed.etag)
    assert [piece async for piece in same.chunks] == [b"older"]
    same.close()
    await blobs.put(KEY, b"newer")
    with pytest.raises(NoSuchObject):
        await blobs.get_stream(KEY, etag=listed.etag)


CALLS: dict[str, Callable[[S3Blobs], Awaitable[object]]] = {
    "put": lambda blobs: blobs.put(KEY, b"x"),
    "get": lambda blobs: blobs.get(KEY),
    "get_stream": lambda blobs: blobs.get_stream(KEY),
    "delete": lambda blobs: blobs.delete(KEY),
    "put_stream": lambda blobs: blobs.put_stream(KEY, chunks(KIB)),
    "put_stream in parts": lambda blobs: blobs.put_stream(KEY, chunks(2 * PART_BYTES)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("away", ["hangs", "refuses"])
async def test_with_a_deadline_no_call_outlasts_it(
    away: str, call: Callable[[S3Blobs], Awaitable[object]]
) -> None:
    hold, asked = asyncio.Event(), 0

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await hold.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if away == "refuses":
        server.close()
        await server.wait_closed()
    settings = Settings(aws_endpoint_url=f"http://127.0.0.1:{port}")
    async with open_blobs(settings, deadline_s=0.5) as blobs:
        started = time.monotonic()
        with pytest.raises(Unavailable, match="s3"):
            await call(blobs)
        assert time.monotonic() - started < 5
    assert bool(asked) == (away == "hangs")
    hold.set()
    server.close()
