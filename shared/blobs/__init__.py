"""Objects in the carrier bucket: uploads, drops, manifests, claims."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from email.header import decode_header, make_header
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from shared.aws import Clients
from shared.errors import NoSuchObject, TooLarge, described
from shared.outage import outages_of
from shared.ports import Download, Grant, Listed
from shared.settings import Settings

__all__ = ["PART_BYTES", "S3Blobs", "open_blobs"]
logger = logging.getLogger(__name__)
# The least that S3 takes as a part of a multipart upload, but for the last one.
PART_BYTES = 5 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
_ABORT_S = 5.0


class S3Blobs:
    """shared.ports.Blobs, Listing, Granting and Describing over S3.

    With `deadline_s` no call to S3 takes longer, retries included: it ends as Unavailable.
    """

    def __init__(self, s3: Any, bucket: str, *, deadline_s: float | None = None) -> None:
        self._s3, self._bucket, self._deadline_s = s3, bucket, deadline_s

    async def put(self, key: str, body: bytes) -> None:
        await self._asked("put_object", Bucket=self._bucket, Key=key, Body=body)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Holds one part in memory, 5 MiB and a chunk. An object of less is put in one call.

        When `chunks` raises, S3 fails or the caller is cancelled, nothing is left under `key` and
        no part of it is paid for.
        """
        part = BytesIO()
        parts: list[dict[str, Any]] = []
        upload: dict[str, Any] = {"Bucket": self._bucket, "Key": key}
        try:
            async for chunk in chunks:
                part.write(chunk)
                if part.tell() >= PART_BYTES:
                    if not parts:
                        begun = await self._asked("create_multipart_upload", **upload)
                        upload["UploadId"] = begun["UploadId"]
                    parts.append(await self._put_part(upload, len(parts) + 1, part))
                    part = BytesIO()
            if not parts:
                part.seek(0)
                await self._asked("put_object", **upload, Body=part)
                return
            if part.tell():
                parts.append(await self._put_part(upload, len(parts) + 1, part))
            await self._asked(
                "complete_multipart_upload", **upload, MultipartUpload={"Parts": parts}
            )
        except BaseException:
            if "UploadId" in upload:
                await self._abort(upload)
            raise

    async def _put_part(self, upload: dict[str, Any], number: int, body: BytesIO) -> dict[str, Any]:
        body.seek(0)
        answer = await self._asked("upload_part", **upload, PartNumber=number, Body=body)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    async def _asked(self, call: str, **parameters: Any) -> dict[str, Any]:
        with outages_of("s3"):
            async with asyncio.timeout(self._deadline_s):
                answer: dict[str, Any] = await getattr(self._s3, call)(**parameters)
        return answer

    async def _abort(self, upload: dict[str, Any]) -> None:
        """What cannot be aborted now is left to the bucket's rule for unfinished uploads."""
        try:
            async with asyncio.timeout(_ABORT_S):
                await self._s3.abort_multipart_upload(**upload)
        except Exception as error:  # noqa: BLE001 (the upload's own error is the one to tell)
            fields = {"key": upload["Key"], "error": described(error)}
            logger.warning("upload_not_aborted", extra={"fields": fields})

    async def get(self, key: str, limit_bytes: int | None = None) -> bytes:
        try:
            with outages_of("s3"):
                async with asyncio.timeout(self._deadline_s):
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

    async def get_stream(
        self, key: str, *, etag: str | None = None, byte_range: str | None = None
    ) -> Download:
        """Holds one chunk in memory. `deadline_s` is for the answer's head, not for its body."""
        wanted = {"IfMatch": etag and f'"{etag}"', "Range": byte_range}
        given = {name: value for name, value in wanted.items() if value}
        try:
            answer = await self._asked("get_object", Bucket=self._bucket, Key=key, **given)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ("NoSuchKey", "404", "PreconditionFailed", "412"):
                raise NoSuchObject(key) from None
            if byte_range and code in ("InvalidRange", "416"):
                return await self.get_stream(key, etag=etag)
            raise
        body = answer["Body"]
        return Download(
            answer["ContentLength"], _chunks(body), body.close, answer.get("ContentRange")
        )

    @property
    def origin(self) -> str:
        url = urlsplit(self._s3.meta.endpoint_url)
        return f"{url.scheme}://{url.netloc}"

    async def grant(self, key: str, size: int, within_s: int) -> Grant:
        """S3's POST policy: the key and the most bytes are part of the signature."""
        form = await self._s3.generate_presigned_post(
            self._bucket, key, Conditions=[["content-length-range", 1, size]], ExpiresIn=within_s
        )
        return Grant(form["url"], form["fields"])

    async def metadata(self, key: str) -> Mapping[str, str]:
        try:
            answer = await self._asked("head_object", Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return {}
            raise
        # Headers are ASCII: other letters come encoded (RFC 2047), as S3's user guide says.
        return {
            name.lower(): str(make_header(decode_header(value)))
            for name, value in answer.get("Metadata", {}).items()
        }

    async def delete(self, key: str) -> None:
        await self._asked("delete_object", Bucket=self._bucket, Key=key)

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        async for page in self.listed(prefix):
            for listed in page:
                yield listed.key

    async def listed(self, prefix: str, after: str = "") -> AsyncIterator[list[Listed]]:
        pages = self._s3.get_paginator("list_objects_v2")
        wanted = {"Bucket": self._bucket, "Prefix": prefix}
        if after:
            wanted["StartAfter"] = after
        with outages_of("s3"):
            async for page in pages.paginate(**wanted):
                yield [
                    Listed(
                        entry["Key"],
                        entry["Size"],
                        entry["ETag"].strip('"'),
                        entry["LastModified"],
                    )
                    for entry in page.get("Contents", [])
                ]


async def _chunks(body: Any) -> AsyncIterator[bytes]:
    with outages_of("s3"):
        async for chunk in body.iter_chunks(CHUNK_BYTES):
            yield chunk


@asynccontextmanager
async def open_blobs(
    settings: Settings, *, deadline_s: float | None = None
) -> AsyncIterator[S3Blobs]:
    """`deadline_s` is for a process in which people wait for its calls."""
    async with AsyncExitStack() as stack:
        s3 = await Clients(stack, settings).open("s3", read_timeout_s=30)
        bucket = settings.resource(settings.carrier_bucket)
        yield S3Blobs(s3, bucket, deadline_s=deadline_s)
