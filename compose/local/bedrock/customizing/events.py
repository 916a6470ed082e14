"""Tells of a job as EventBridge does, through the queue to which a rule sends it on AWS."""

import json
import logging
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from compose.local.bedrock.customizing.book import Job

logger = logging.getLogger(__name__)
DETAIL_TYPE = "Model Customization Job State Change"


@dataclass(frozen=True)
class Announcing:
    """`queue` is the queue's name; EventBridge's promise is best effort, and so is this."""

    sqs: Any
    queue: str

    async def tell(self, job: Job) -> None:
        await self.send(event(job))

    async def send(self, told: dict[str, Any]) -> None:
        try:
            url = (await self.sqs.get_queue_url(QueueName=self.queue))["QueueUrl"]
            await self.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(told))
        except (ClientError, BotoCoreError) as error:
            logger.warning("event_lost: %s", type(error).__name__)


def event(job: Job) -> dict[str, Any]:
    """As "Monitor Amazon Bedrock job state changes using EventBridge" shows it."""
    _, _, _, region, account, _ = job.arn.split(":", 5)
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": DETAIL_TYPE,
        "source": "aws.bedrock",
        "account": account,
        "time": job.changed_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [job.arn],
        "detail": {
            "version": "0.0",
            "jobName": job.name,
            "jobArn": job.arn,
            "outputModelName": job.asked["customModelName"],
            "roleArn": job.asked["roleArn"],
            "jobStatus": job.status,
            "creationTime": job.created_at.isoformat(),
            "lastModifiedTime": job.changed_at.isoformat(),
            "hyperParameters": job.asked.get("hyperParameters", {}),
            "trainingDataConfig": job.asked["trainingDataConfig"],
        },
    }
