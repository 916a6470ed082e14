"""Objects of one bucket: written once, changed by compare-and-set, removed with all versions."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from shared.errors import Unavailable
from shared.outage import outages_of

# S3's answer to `If-None-Match: *` for a key that exists, and to `If-Match` for another etag.
_PRECONDITION = ("PreconditionFailed", "412")
# Another conditional write of the key was under way, and may have failed: nobody knows yet.
_CONFLICT = ("ConditionalRequestConflict", "409")
_MISSING = ("NoSuchKey", "404")
_AT_ONCE = 16
_CHUNK = 1024 * 1024


class Objects:
    """Every method raises Unavailable when S3 cannot be reached."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    async def ping(self) -> None:
        with outages_of("s3"):
            await self._s3.head_bucket(Bucket=self._bucket)

    async def keys(self, prefix: str, after: str = "") -> AsyncIterator[str]:
        pages = self._s3.get_paginator("list_objects_v2")
        start = {"StartAfter": after} if after else {}
        with outages_of("s3"):
            async for page in pages.paginate(Bucket=self._bucket, Prefix=prefix, **start):
                for entry in page.get("Contents", []):
                    yield entry["Key"]

    async def first_keys(self, prefix: str, most: int) -> tuple[list[str], bool]:
        """So many keys at most, by one call; whether these are all."""
        with outages_of("s3"):
            page = await self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=most)
        return [one["Key"] for one in page.get("Contents", [])], not page["IsTruncated"]

    async def folders(self, prefix: str) -> AsyncIterator[str]:
        """The next part of the keys that begin so, each once."""
        pages = self._s3.get_paginator("list_objects_v2")
        with outages_of("s3"):
            async for page in pages.paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/"):
                for entry in page.get("CommonPrefixes", []):
                    yield entry["Prefix"][len(prefix) :].rstrip("/")

    async def read(self, key: str) -> bytes | None:
        """None when it is not there."""
        found = await self._get(key)
        return found and found[0]

    async def link(self, key: str, name: str, within_s: int) -> str:
        """A URL that anyone may read for so long; it saves a file of that name."""
        saved = f'attachment; filename="{name}"'
        about = {"Bucket": self._bucket, "Key": key, "ResponseContentDisposition": saved}
        url: str = await self._s3.generate_presigned_url("get_object", about, ExpiresIn=within_s)
        return url

    async def put(self, key: str, body: bytes, media_type: str = "application/json") -> None:
        with outages_of("s3"):
            await self._s3.put_object(
                Bucket=self._bucket, Key=key, Body=body, ContentType=media_type
            )

    async def put_file(self, key: str, path: Path) -> None:
        """Read while it is sent: its size does not matter for memory."""
        with outages_of("s3"), path.open("rb") as stream:
            await self._s3.put_object(Bucket=self._bucket, Key=key, Body=stream)

    async def put_empty(self, keys: Iterable[str]) -> None:
        await _all(self.put(key, b"") for key in keys)

    async def chunks(self, key: str) -> AsyncGenerator[bytes, None]:
        """None of them when it is not there. Its size does not matter for memory."""
        try:
            with outages_of("s3"):
                answer = await self._s3.get_object(Bucket=self._bucket, Key=key)
                async with answer["Body"] as stream:
                    while chunk := await stream.read(_CHUNK):
                        yield chunk
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise

    async def put_new(self, key: str, body: bytes) -> bool:
        """False when it was there already. A conflict is an outage: the write may have failed."""
        return await self._put_if(key, body, IfNoneMatch="*")

    async def change(self, key: str, change: Callable[[bytes], bytes]) -> bool:
        """Whether there was something to change. No older version of it is left in either case: the
        removal after an earlier change may have failed."""
        while (found := await self._get(key)) is not None:
            before, etag = found
            after = change(before)
            if after == before:
                await self._remove_versions(key, latest=False)
                return False
            if await self._put_if(key, after, IfMatch=etag):
                await self._remove_versions(key, latest=False)
                return True
        return False

    async def change_each(self, keys: Iterable[str], change: Callable[[str, bytes], bytes]) -> None:
        """As `change` does; the object's key comes first."""
        await _all(self.change(key, partial(change, key)) for key in keys)

    async def remove(self, keys: Iterable[str]) -> None:
        """With all their versions."""
        await _all(self._remove_versions(key, latest=True) for key in keys)

    async def _get(self, key: str) -> tuple[bytes, str] | None:
        try:
            with outages_of("s3"):
                answer = await self._s3.get_object(Bucket=self._bucket, Key=key)
                async with answer["Body"] as stream:
                    return await stream.read(), answer["ETag"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise

    async def _put_if(self, key: str, body: bytes, **condition: str) -> bool:
        try:
            with outages_of("s3"):
                await self._s3.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType="application/json",
                    **condition,
                )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            # A key that is gone has no etag either.
            if code in _PRECONDITION or ("IfMatch" in condition and code in _MISSING):
                return False
            if code in _CONFLICT:
                raise Unavailable("s3", f"{code}: the write is to be tried again") from error
            raise
        return True

    async def _remove_versions(self, key: str, *, latest: bool) -> None:
        """In a bucket without versions there is one, the latest."""
        pages = self._s3.get_paginator("list_object_versions")
        with outages_of("s3"):
            async for page in pages.paginate(Bucket=self._bucket, Prefix=key):
                for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                    if one["Key"] == key and (latest or not one["IsLatest"]):
                        await self._s3.delete_object(
                            Bucket=self._bucket, Key=key, VersionId=one["VersionId"]
                        )


async def _all(calls: Iterable[Any]) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(call: Any) -> None:
        async with gate:
            await call

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(one(call))
