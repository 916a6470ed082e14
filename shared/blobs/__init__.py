"""Objects in the carrier bucket: uploads, drops, manifests, claims."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from botocore.exceptions import ClientError

from shared.aws import Clients
from shared.errors import NoSuchObject, TooLarge
from shared.outage import outages_of
from shared.ports import Listed
from shared.settings import Settings

__all__ = ["S3Blobs", "open_blobs"]


class S3Blobs:
    """shared.ports.Blobs and Listing over S3."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    async def put(self, key: str, body: bytes) -> None:
        with outages_of("s3"):
            await self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)

    async def get(self, key: str, limit_bytes: int | None = None) -> bytes:
        try:
            with outages_of("s3"):
                answer = await self._s3.get_object(Bucket=self._bucket, Key=key)
                async with answer["Body"] as stream:
                    if limit_bytes is not None and answer["ContentLength"] > limit_bytes:
                        raise TooLarge(f"{key}: {answer['ContentLength']} bytes")
                    body: bytes = await stream.read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                raise NoSuchObject(key) from None
            raise
        return body

    async def delete(self, key: str) -> None:
        with outages_of("s3"):
            await self._s3.delete_object(Bucket=self._bucket, Key=key)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        async for page in self.listed(prefix):
            for listed in page:
                yield listed.key

    async def listed(self, prefix: str) -> AsyncIterator[list[Listed]]:
        pages = self._s3.get_paginator("list_objects_v2")
        with outages_of("s3"):
            async for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                yield [
                    Listed(
                        entry["Key"],
                        entry["Size"],
                        entry["ETag"].strip('"'),
                        entry["LastModified"],
                    )
                    for entry in page.get("Contents", [])
                ]


@asynccontextmanager
async def open_blobs(settings: Settings) -> AsyncIterator[S3Blobs]:
    async with AsyncExitStack() as stack:
        s3 = await Clients(stack, settings).open("s3", read_timeout_s=30)
        yield S3Blobs(s3, settings.resource(settings.carrier_bucket))
