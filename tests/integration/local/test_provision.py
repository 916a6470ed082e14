"""The AWS resources of the topology, made twice on each emulator, with what flows through them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from compose.local.environment import ACCOUNT
from compose.local.layout import Layout
from compose.local.parts.ministack import ministack
from compose.local.ports import free_ports
from compose.local.process_list import ProcessList
from compose.local.progress import Silent
from compose.local.provision import provision
from compose.local.supervised import Supervised
from contracts.topology import DEAD_LETTER_RETENTION_S, QUEUES, SUBSCRIPTIONS, TOPICS
from shared.aws import Clients
from shared.settings import Settings
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix


@pytest.fixture(params=["moto", "ministack"])
async def settings(
    request: pytest.FixtureRequest, tmp_path: Path, moto_url: str
) -> AsyncIterator[Settings]:
    prefix = own_prefix()
    if request.param == "moto":
        yield Settings(aws_endpoint_url=moto_url, aws_account=MOTO_ACCOUNT, name_prefix=prefix)
        return
    layout = Layout(tmp_path)
    layout.prepare()
    (port,) = free_ports(1)
    part = Supervised(ministack(layout, port), layout.logs, ProcessList(layout.processes), Silent())
    await part.start()
    yield Settings(
        aws_endpoint_url=f"http://127.0.0.1:{port}", aws_account=ACCOUNT, name_prefix=prefix
    )
    await part.stop(asyncio.Event())


async def _messages(sqs: Any, settings: Settings, queue: str) -> list[dict[str, Any]]:
    url = (await sqs.get_queue_url(QueueName=settings.resource(queue)))["QueueUrl"]
    answer = await sqs.receive_message(
        QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    for message in answer.get("Messages", []):
        await sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return list(answer.get("Messages", []))


async def test_made_twice_there_is_one_of_each_and_messages_flow(settings: Settings) -> None:
    await provision(settings)
    await provision(settings)
    async with AsyncExitStack() as stack:
        clients = Clients(stack, settings)
        sqs, sns, s3 = [await clients.open(name) for name in ("sqs", "sns", "s3")]
        await _queues_are_those_of_the_topology(sqs, settings)
        await _subscriptions_are_those_of_the_topology(sns, settings)
        await _a_topic_filters_by_type(sqs, sns, settings)
        await _only_the_inbox_notifies(sqs, s3, settings)


async def _queues_are_those_of_the_topology(sqs: Any, settings: Settings) -> None:
    listed = await sqs.list_queues(QueueNamePrefix=settings.name_prefix)
    assert len(listed["QueueUrls"]) == 2 * len(QUEUES)
    for queue in QUEUES.values():
        url = (await sqs.get_queue_url(QueueName=settings.resource(queue.name)))["QueueUrl"]
        answer = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        redrive = json.loads(answer["Attributes"]["RedrivePolicy"])
        assert redrive["deadLetterTargetArn"].endswith(settings.resource(queue.dead_letters))
        assert answer["Attributes"]["VisibilityTimeout"] == str(queue.visibility_s)
        dead = (await sqs.get_queue_url(QueueName=settings.resource(queue.dead_letters)))[
            "QueueUrl"
        ]
        answer = await sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])
        assert answer["Attributes"]["MessageRetentionPeriod"] == str(DEAD_LETTER_RETENTION_S)


async def _subscriptions_are_those_of_the_topology(sns: Any, settings: Settings) -> None:
    found = 0
    for topic in TOPICS:
        place = f"{settings.aws_region}:{settings.aws_account}"
        arn = f"arn:aws:sns:{place}:{settings.resource(topic)}"
        listed = (await sns.list_subscriptions_by_topic(TopicArn=arn))["Subscriptions"]
        for one in listed:
            answer = await sns.get_subscription_attributes(SubscriptionArn=one["SubscriptionArn"])
            assert answer["Attributes"]["RawMessageDelivery"] == "true"
            assert "type" in json.loads(answer["Attributes"]["FilterPolicy"])
        found += len(listed)
    assert found == len(SUBSCRIPTIONS)


async def _a_topic_filters_by_type(sqs: Any, sns: Any, settings: Settings) -> None:
    place = f"{settings.aws_region}:{settings.aws_account}"
    await sns.publish(
        TopicArn=f"arn:aws:sns:{place}:{settings.resource('documents')}",
        Message='{"raw": true}',
        MessageAttributes={"type": {"DataType": "String", "StringValue": "DocumentChunked"}},
    )
    (message,) = await _messages(sqs, settings, "retrieval-index")
    assert message["Body"] == '{"raw": true}'
    assert await _messages(sqs, settings, "retrieval-control") == []


async def _only_the_inbox_notifies(sqs: Any, s3: Any, settings: Settings) -> None:
    await _messages(sqs, settings, "ingestion-documents")  # S3 tests the way when it is made
    bucket = settings.resource(settings.carrier_bucket)
    for key in ("uploads/demo/a.txt", "inbox/demo/b.txt"):
        await s3.put_object(Bucket=bucket, Key=key, Body=b"text")
    (message,) = await _messages(sqs, settings, "ingestion-documents")
    (record,) = json.loads(message["Body"])["Records"]
    assert unquote_plus(record["s3"]["object"]["key"]) == "inbox/demo/b.txt"
