"""Reply queues: made, tagged and removed by their gateway; orphans are swept by the others."""

import json
import logging
import time
from typing import Any

from botocore.exceptions import ClientError

from contracts.topology import REPLY_QUEUE_PREFIX, REPLY_RETENTION_S
from shared.errors import described
from shared.outage import outages_of
from shared.settings import Settings

logger = logging.getLogger(__name__)
_ALIVE_AT = "ragops:alive-at"
_ORPHAN_AFTER_S = 600
# After an outage of SQS all tags are old: the living mark theirs between two looks.
_LOOKS = 3


class ReplyQueues:
    """The one exception to "no service creates queues"."""

    def __init__(self, sqs: Any, settings: Settings) -> None:
        self._sqs, self._settings = sqs, settings
        self._looks: dict[str, int] = {}

    async def create(self, name: str) -> None:
        with outages_of("sqs"):
            await self._sqs.create_queue(
                QueueName=self._settings.resource(name),
                Attributes=self._attributes(name),
                tags=_alive_now(),
            )

    def _attributes(self, name: str) -> dict[str, str]:
        """Encrypted at rest and on the wire. Only our account may use it: SQS' own default."""
        s = self._settings
        arn = f"arn:aws:sqs:{s.aws_region}:{s.aws_account}:{s.resource(name)}"
        plain_http = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        return {
            "MessageRetentionPeriod": str(REPLY_RETENTION_S),
            "SqsManagedSseEnabled": "true",
            "Policy": json.dumps({"Version": "2012-10-17", "Statement": [plain_http]}),
        }

    async def remove(self, name: str) -> None:
        with outages_of("sqs"):
            await self._sqs.delete_queue(QueueUrl=await self._url(name))

    async def mark_alive(self, name: str) -> None:
        with outages_of("sqs"):
            await self._sqs.tag_queue(QueueUrl=await self._url(name), Tags=_alive_now())

    async def sweep(self, own: str) -> None:
        """Removes every reply queue whose gateway has not marked it for ten minutes.

        It must be found so at three sweeps in a row. Each gateway sweeps as often as it marks.
        """
        prefix = self._settings.resource(REPLY_QUEUE_PREFIX)
        with outages_of("sqs"):
            listed = await self._sqs.list_queues(QueueNamePrefix=prefix)
            for url in listed.get("QueueUrls", []):
                if not url.endswith(own):
                    await self._sweep_one(url)

    async def _sweep_one(self, url: str) -> None:
        """One that cannot be swept must not keep the others."""
        try:
            if not await self._orphaned(url):
                self._looks.pop(url, None)
                return
            self._looks[url] = self._looks.get(url, 0) + 1
            if self._looks[url] >= _LOOKS:
                await self._sqs.delete_queue(QueueUrl=url)
                del self._looks[url]
        except (ClientError, ValueError) as error:
            logger.warning("reply_queue_not_swept", extra={"fields": {"error": described(error)}})

    async def _orphaned(self, url: str) -> bool:
        try:
            tags = (await self._sqs.list_queue_tags(QueueUrl=url)).get("Tags", {})
        except self._sqs.exceptions.QueueDoesNotExist:
            return False  # another gateway swept it first
        return time.time() - float(tags.get(_ALIVE_AT, 0)) > _ORPHAN_AFTER_S

    async def _url(self, name: str) -> str:
        answer = await self._sqs.get_queue_url(QueueName=self._settings.resource(name))
        return str(answer["QueueUrl"])


def _alive_now() -> dict[str, str]:
    return {_ALIVE_AT: str(int(time.time()))}
