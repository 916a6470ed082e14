"""The archive bucket: objects are written once and never changed."""

from typing import Any

from botocore.exceptions import ClientError

from services.finetune_export.models.archived_turn import ArchivedTurn
from shared.outage import outages_of

_ALREADY_THERE = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class Archive:
    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    async def ping(self) -> None:
        with outages_of("s3"):
            await self._s3.head_bucket(Bucket=self._bucket)

    async def write_once(self, turn: ArchivedTurn) -> bool:
        """True when written now; False when the turn lay there already. Raises Unavailable."""
        try:
            with outages_of("s3"):
                await self._s3.put_object(
                    Bucket=self._bucket,
                    Key=turn.key,
                    Body=turn.model_dump_json().encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
        except ClientError as error:
            if error.response["Error"]["Code"] in _ALREADY_THERE:
                return False
            raise
        return True
