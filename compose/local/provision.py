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
    BUCKETS,
    DEAD_LETTER_RETENTION_S,
    MAX_RECEIVE_COUNT,
    QUEUES,
    SUBSCRIPTIONS,
    TABLES,
    TOPICS,
    Bucket,
    Queue,
    Subscription,
    Table,
)
from shared.aws import Clients, account_of
from shared.settings import Settings

# How many calls at once: an emulator is one process.
_CONCURRENCY = 16


async def provision(settings: Settings) -> None:
    """Queues with dead letters, topics with subscriptions, buckets, tables."""
    settings = settings.model_copy(update={"aws_account": await account_of(settings)})
    async with AsyncExitStack() as stack:
        clients = Clients(stack, settings)
        names = ("sqs", "sns", "s3", "dynamodb")
        aws = _Aws(settings, *[await clients.open(name) for name in names])
        await _all(aws.queue(queue.dead_letters, _DEAD_LETTERS) for queue in QUEUES.values())
        await _all(
            (
                *(aws.queue(queue.name, aws.attributes(queue)) for queue in QUEUES.values()),
                *(aws.topic(name) for name in TOPICS),
                *(aws.bucket(bucket) for bucket in BUCKETS.values()),
                *(aws.table(table) for table in TABLES.values()),
            )
        )
        await _all((aws.subscriptions(), *(aws.rules(bucket) for bucket in BUCKETS.values())))


_DEAD_LETTERS = {"MessageRetentionPeriod": str(DEAD_LETTER_RETENTION_S)}


@dataclass(frozen=True)
class _Aws:
    """The clients and how the resources are called in this account."""

    settings: Settings
    sqs: Any
    sns: Any
    s3: Any
    dynamodb: Any

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

    async def bucket(self, bucket: Bucket) -> None:
        region = self.settings.aws_region
        where: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            await self.s3.create_bucket(
                Bucket=self.settings.resource(bucket.name),
                **({} if region == "us-east-1" else where),
                **({"ObjectLockEnabledForBucket": True} if bucket.lock_days else {}),
            )
        except ClientError as error:
            if _code(error) != "BucketAlreadyOwnedByYou":
                raise

    async def subscriptions(self) -> None:
        """One after another: moto fails when several are made at once."""
        for topic in TOPICS:
            await self._subscriptions_of(topic)

    async def _subscriptions_of(self, topic: str) -> None:
        """Makes the missing ones, corrects the others, ends those no longer in the list."""
        wanted = {self.arn("sqs", one.queue): one for one in SUBSCRIPTIONS if one.topic == topic}
        arn = self.arn("sns", topic)
        there = await self._subscribed(arn)
        for endpoint in there.keys() - wanted.keys():
            await self.sns.unsubscribe(SubscriptionArn=there[endpoint])
        for endpoint, one in wanted.items():
            await self._subscribe(arn, one, there.get(endpoint))

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

    async def rules(self, bucket: Bucket) -> None:
        """Which queue hears of new objects; what expires, and parts of broken uploads do."""
        name = self.settings.resource(bucket.name)
        told = [
            {
                "Id": prefix.name.strip("/"),
                "QueueArn": self.arn("sqs", prefix.notifies),
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix.name}]}},
            }
            for prefix in bucket.prefixes
            if prefix.notifies
        ]
        expiring = [
            {
                "ID": prefix.name.strip("/"),
                "Status": "Enabled",
                "Filter": {"Prefix": prefix.name},
                "Expiration": {"Days": prefix.expires_days},
            }
            for prefix in bucket.prefixes
            if prefix.expires_days
        ]
        unfinished = {
            "ID": "unfinished-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
        if told:
            await self.s3.put_bucket_notification_configuration(
                Bucket=name, NotificationConfiguration={"QueueConfigurations": told}
            )
        if bucket.lock_days:
            retention = {"Mode": "COMPLIANCE", "Days": bucket.lock_days}
            lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
            await self.s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
        if bucket.browsers:
            rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["POST"], "AllowedHeaders": ["*"]}
            await self.s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [rule]})
        await self.s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": [*expiring, unfinished]}
        )

    async def table(self, table: Table) -> None:
        name = self.settings.resource(table.name)
        try:
            await self.dynamodb.create_table(TableName=name, **_described(table))
        except ClientError as error:
            if _code(error) != "ResourceInUseException":
                raise
            return
        await self.dynamodb.get_waiter("table_exists").wait(
            TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        await self.dynamodb.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": table.expires},
        )


def _described(table: Table) -> dict[str, Any]:
    """What CreateTable wants to know."""
    keys = {table.partition, table.sort}
    keys |= {key for index in table.indexes for key in (index.partition, index.sort)}
    indexes = [
        {
            "IndexName": index.name,
            "KeySchema": _key_schema(index.partition, index.sort),
            "Projection": {"ProjectionType": "ALL"},
        }
        for index in table.indexes
    ]
    return {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _key_schema(table.partition, table.sort),
        "AttributeDefinitions": [
            {"AttributeName": key, "AttributeType": "S"} for key in sorted(keys)
        ],
    } | ({"GlobalSecondaryIndexes": indexes} if indexes else {})


def _key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


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
