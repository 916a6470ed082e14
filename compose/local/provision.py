"""Makes the AWS resources of contracts/topology.py; doing it again corrects what differs.

For machines and tests: the cloud's are made by CDK from the same list. Works against ministack,
moto and LocalStack, beside other systems in the same account (`name_prefix`).
"""

import asyncio
import json
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from contracts.topology import (
    DEAD_LETTER_RETENTION_S,
    INBOX_PREFIX,
    MAX_RECEIVE_COUNT,
    QUEUES,
    SUBSCRIPTIONS,
    TOPICS,
    Queue,
    Subscription,
)
from services.finetune_export.settings import FinetuneExportSettings
from services.memory.bootstrap import turn_table
from services.memory.settings import MemorySettings
from shared.aws import Clients
from shared.settings import Settings

# How many calls at once: an emulator is one process.
_CONCURRENCY = 16
_INBOX_QUEUE = "ingestion-documents"


async def provision(settings: Settings) -> None:
    """Queues with dead letters, topics with subscriptions, buckets, memory's table."""
    shared = settings.model_dump(include=set(Settings.model_fields))
    async with asyncio.TaskGroup() as group:
        group.create_task(_channels_and_buckets(FinetuneExportSettings(**shared)))
        # The emulator loads DynamoDB at its first call: a question's timeout is too short for that.
        group.create_task(_turns(MemorySettings(**shared, dynamodb_timeout_s=20)))


async def _turns(settings: MemorySettings) -> None:
    table = turn_table(settings)
    try:
        await table.create()
    finally:
        table.close()


async def _channels_and_buckets(settings: FinetuneExportSettings) -> None:
    buckets = (settings.carrier_bucket, settings.archive_bucket)
    async with AsyncExitStack() as stack:
        clients = Clients(stack, settings)
        aws = _Aws(settings, *[await clients.open(name) for name in ("sqs", "sns", "s3")])
        await _all(aws.queue(f"{queue.name}-dead", _DEAD_LETTERS) for queue in QUEUES.values())
        await _all(
            (
                *(aws.queue(queue.name, aws.attributes(queue)) for queue in QUEUES.values()),
                *(aws.topic(name) for name in TOPICS),
                *(aws.bucket(name) for name in buckets),
            )
        )
        await _all((*(aws.subscriptions(name) for name in TOPICS), aws.notify_inbox()))


_DEAD_LETTERS = {"MessageRetentionPeriod": str(DEAD_LETTER_RETENTION_S)}


@dataclass(frozen=True)
class _Aws:
    """The three clients and how the resources are called in this account."""

    settings: Settings
    sqs: Any
    sns: Any
    s3: Any

    def arn(self, service: str, name: str) -> str:
        place = f"{self.settings.aws_region}:{self.settings.aws_account}"
        return f"arn:aws:{service}:{place}:{self.settings.resource(name)}"

    def attributes(self, queue: Queue) -> dict[str, str]:
        redrive = {
            "deadLetterTargetArn": self.arn("sqs", queue.dead_letters),
            "maxReceiveCount": MAX_RECEIVE_COUNT,
        }
        return {
            "VisibilityTimeout": str(queue.visibility_s),
            "MessageRetentionPeriod": str(queue.retention_s),
            "MaximumMessageSize": str(queue.limit_bytes),
            "RedrivePolicy": json.dumps(redrive),
        } | self._policy(queue)

    def _policy(self, queue: Queue) -> dict[str, str]:
        """SNS and S3 are the only senders that need the queue's own word."""
        services = [f"{name}.amazonaws.com" for name in queue.senders if name in ("sns", "s3")]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": services},
            "Action": "sqs:SendMessage",
            "Resource": self.arn("sqs", queue.name),
            "Condition": {"StringEquals": {"aws:SourceAccount": self.settings.aws_account}},
        }
        policy = {"Version": "2012-10-17", "Statement": [allow]}
        return {"Policy": json.dumps(policy)} if services else {}

    async def queue(self, name: str, attributes: dict[str, str]) -> None:
        name = self.settings.resource(name)
        try:
            await self.sqs.create_queue(QueueName=name, Attributes=attributes)
        except ClientError as error:
            if "QueueNameExists" not in _code(error) and "QueueAlreadyExists" not in _code(error):
                raise
            url = (await self.sqs.get_queue_url(QueueName=name))["QueueUrl"]
            await self.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)

    async def topic(self, name: str) -> None:
        await self.sns.create_topic(Name=self.settings.resource(name))

    async def bucket(self, name: str) -> None:
        region = self.settings.aws_region
        where: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            await self.s3.create_bucket(
                Bucket=self.settings.resource(name), **({} if region == "us-east-1" else where)
            )
        except ClientError as error:
            if _code(error) != "BucketAlreadyOwnedByYou":
                raise

    async def subscriptions(self, topic: str) -> None:
        """Makes the missing ones, corrects the others, ends those no longer in the list."""
        wanted = {self.arn("sqs", one.queue): one for one in SUBSCRIPTIONS if one.topic == topic}
        arn = self.arn("sns", topic)
        there = await self._subscribed(arn)
        for endpoint in there.keys() - wanted.keys():
            await self.sns.unsubscribe(SubscriptionArn=there[endpoint])
        await _all(self._subscribe(arn, one, there.get(end)) for end, one in wanted.items())

    async def _subscribed(self, topic_arn: str) -> dict[str, str]:
        pages = self.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
        return {
            one["Endpoint"]: one["SubscriptionArn"]
            async for page in pages
            for one in page["Subscriptions"]
        }

    async def _subscribe(self, topic_arn: str, one: Subscription, there: str | None) -> None:
        queue = QUEUES[one.queue]
        dead = {"deadLetterTargetArn": self.arn("sqs", queue.dead_letters)}
        attributes = {
            "RawMessageDelivery": "true",
            "FilterPolicy": json.dumps({"type": list(one.types)}),
            "RedrivePolicy": json.dumps(dead),
        }
        if there is None:
            await self.sns.subscribe(
                TopicArn=topic_arn,
                Protocol="sqs",
                Endpoint=self.arn("sqs", one.queue),
                Attributes=attributes,
                ReturnSubscriptionArn=True,
            )
            return
        for name, value in attributes.items():
            await self.sns.set_subscription_attributes(
                SubscriptionArn=there, AttributeName=name, AttributeValue=value
            )

    async def notify_inbox(self) -> None:
        rule = {
            "Id": "inbox",
            "QueueArn": self.arn("sqs", _INBOX_QUEUE),
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": INBOX_PREFIX}]}},
        }
        await self.s3.put_bucket_notification_configuration(
            Bucket=self.settings.resource(self.settings.carrier_bucket),
            NotificationConfiguration={"QueueConfigurations": [rule]},
        )


async def _all(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    gate = asyncio.Semaphore(_CONCURRENCY)

    async def one(call: Coroutine[Any, Any, None]) -> None:
        async with gate:
            await call

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(one(call))


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code", ""))
