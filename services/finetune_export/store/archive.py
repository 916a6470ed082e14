"""The archive bucket: objects are written once and never changed."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

from botocore.exceptions import ClientError

from services.finetune_export.models.archived_turn import DAYS_PREFIX, ArchivedTurn
from shared.errors import Unavailable
from shared.outage import outages_of

# S3's answer to `If-None-Match: *` for a key that exists.
_ALREADY_THERE = ("PreconditionFailed", "412")
# Another conditional write of the key was under way, and may have failed: nobody knows yet.
_CONFLICT = ("ConditionalRequestConflict", "409")


class Archive:
    """Implements services.ports.TurnArchive."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    async def ping(self) -> None:
        with outages_of("s3"):
            await self._s3.head_bucket(Bucket=self._bucket)

    async def write_once(self, turn: ArchivedTurn) -> bool:
        """True when written now; False when the turn lay there already. Raises Unavailable."""
        written = await self._put_new(turn.key, turn.model_dump_json().encode())
        # After the turn, and also when it was there: a crash in between leaves no gap in the index.
        with outages_of("s3"):
            await self._s3.put_object(Bucket=self._bucket, Key=turn.day_key, Body=b"")
        return written

    async def since(self, day: date, tenant: str | None) -> AsyncIterator[ArchivedTurn]:
        """Turns of this day (UTC) and later, of one tenant or of all. Raises Unavailable."""
        prefix = f"{DAYS_PREFIX}{tenant}/" if tenant else DAYS_PREFIX
        pages = self._s3.get_paginator("list_objects_v2")
        with outages_of("s3"):
            async for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for entry in page.get("Contents", []):
                    _, its_day, key = ArchivedTurn.key_of(entry["Key"])
                    if its_day >= day:
                        yield ArchivedTurn.model_validate_json(await self._read(key))

    async def _read(self, key: str) -> bytes:
        answer = await self._s3.get_object(Bucket=self._bucket, Key=key)
        async with answer["Body"] as stream:
            body: bytes = await stream.read()
        return body

    async def _put_new(self, key: str, body: bytes) -> bool:
        try:
            with outages_of("s3"):
                await self._s3.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _ALREADY_THERE:
                return False
            if code in _CONFLICT:
                raise Unavailable("s3", f"{code}: the write is to be tried again") from error
            raise
        return True
