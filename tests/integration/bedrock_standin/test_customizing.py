"""Customization as botocore's own client sees it: phases, refusals, deployments."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from compose.local.bedrock.errors import BedrockError
from shared.settings import Settings
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.probe import until
from tests.integration.customizing import Provider, provider

NOVA = "amazon.nova-micro-v1:0:128k"
ROLE = f"arn:aws:iam::{MOTO_ACCOUNT}:role/ragops-trainer"
QUEUE = "finetune-trainings"


def a_line(question: str = "How much?", **more: Any) -> str:
    messages = [
        {"role": role, "content": [{"text": text}]}
        for role, text in (("user", question), ("assistant", "Three."))
    ]
    return json.dumps({"schemaVersion": "bedrock-conversation-2024", "messages": messages} | more)


@dataclass
class Account:
    """A client of the stand-in, and where sets lie."""

    bedrock: Any
    s3: Any
    sqs: Any
    bucket: str
    queue_url: str
    played: Provider

    async def call(self, operation: str, **arguments: Any) -> Any:
        return await asyncio.to_thread(getattr(self.bedrock, operation), **arguments)

    def wanted(self, name: str = "job-1", lines: int = 8, **more: Any) -> dict[str, Any]:
        body = "".join(f"{a_line(f'How much is {n}?')}\n" for n in range(lines))
        self.s3.put_object(Bucket=self.bucket, Key=f"{name}.jsonl", Body=body)
        return {
            "jobName": name,
            "customModelName": name,
            "roleArn": ROLE,
            "clientRequestToken": f"token-{name}",
            "baseModelIdentifier": NOVA,
            "trainingDataConfig": {"s3Uri": f"s3://{self.bucket}/{name}.jsonl"},
            "outputDataConfig": {"s3Uri": f"s3://{self.bucket}/out/"},
            "hyperParameters": {"epochCount": "2"},
        } | more

    async def until_status(self, job: str, status: str) -> Any:
        async def reached() -> Any:
            found = await self.call("get_model_customization_job", jobIdentifier=job)
            return found if found["status"] == status else None

        return await until(reached, 20)


@pytest.fixture
async def account(moto_url: str, tmp_path: Path) -> AsyncIterator[Account]:
    prefix = own_prefix()
    settings = Settings(aws_endpoint_url=moto_url, name_prefix=prefix)
    one = {"region_name": "us-east-1", "endpoint_url": moto_url}
    s3: Any = boto3.client("s3", **one)  # type: ignore[call-overload]
    sqs: Any = boto3.client("sqs", **one)  # type: ignore[call-overload]
    s3.create_bucket(Bucket=f"{prefix}sets")
    url = sqs.create_queue(QueueName=settings.resource(QUEUE))["QueueUrl"]
    async with provider(settings, tmp_path, QUEUE) as played:
        bedrock: Any = boto3.client(
            "bedrock",
            region_name="us-east-1",
            endpoint_url=played.url,
            config=Config(retries={"total_max_attempts": 1}),
        )
        yield Account(bedrock, s3, sqs, f"{prefix}sets", url, played)
        for client in (s3, sqs, bedrock):
            client.close()


async def test_a_text_may_hold_ends_of_lines_that_json_lines_has_not(account: Account) -> None:
    wanted = account.wanted()
    line = a_line("How much is MARK?").replace("MARK", "one\u2028two\x85three")
    account.s3.put_object(Bucket=account.bucket, Key="job-1.jsonl", Body=f"{line}\n".encode() * 8)
    arn = (await account.call("create_model_customization_job", **wanted))["jobArn"]
    await account.until_status(arn, "Completed")


async def test_a_job_goes_through_its_phases_and_its_model_is_deployed(account: Account) -> None:
    account.played.gate.opened.clear()
    wanted = account.wanted()
    arn = (await account.call("create_model_customization_job", **wanted))["jobArn"]
    assert (await account.call("create_model_customization_job", **wanted))["jobArn"] == arn
    begun = await account.call("get_model_customization_job", jobIdentifier="job-1")
    assert begun["status"] == "InProgress"
    assert begun["statusDetails"]["trainingDetails"]["status"] == "NotStarted"
    account.played.gate.opened.set()
    done = await account.until_status(arn, "Completed")
    assert {one["status"] for one in done["statusDetails"].values()} == {"Completed"}
    assert done["trainingMetrics"]["trainingLoss"] > 0
    folder = f"out/model-customization-job-{arn.rsplit('/', 1)[1]}/"
    key = f"{folder}training_artifacts/step_wise_training_metrics.csv"
    table = account.s3.get_object(Bucket=account.bucket, Key=key)["Body"].read().decode()
    head, *lines = table.splitlines()
    assert head == "step_number,epoch_number,training_loss,perplexity"
    assert [line.split(",")[1] for line in lines] == ["0"] * 20 + ["1"] * 20
    assert float(lines[-1].split(",")[2]) == done["trainingMetrics"]["trainingLoss"]
    model = await account.call("get_custom_model", modelIdentifier=done["outputModelArn"])
    assert (model["jobArn"], model["modelStatus"]) == (arn, "Active")
    listed = await account.call("list_model_customization_jobs", statusEquals="Completed")
    assert [one["jobArn"] for one in listed["modelCustomizationJobSummaries"]] == [arn]
    asked = {"modelDeploymentName": "d1", "modelArn": model["modelArn"], "clientRequestToken": "t"}
    deployed = await account.call("create_custom_model_deployment", **asked)
    assert deployed == deployed | await account.call("create_custom_model_deployment", **asked) | {
        "ResponseMetadata": deployed["ResponseMetadata"]
    }
    deployment = deployed["customModelDeploymentArn"]

    async def active() -> bool:
        shown = await account.call(
            "get_custom_model_deployment", customModelDeploymentIdentifier=deployment
        )
        return bool(shown["status"] == "Active")

    await until(active)
    account.played.customizing.check_served(deployment)
    with pytest.raises(ClientError, match="ConflictException"):
        await account.call("delete_custom_model", modelIdentifier=model["modelArn"])
    await account.call("delete_custom_model_deployment", customModelDeploymentIdentifier=deployment)
    with pytest.raises(BedrockError, match="no such"):
        account.played.customizing.check_served(deployment)
    await account.call("delete_custom_model", modelIdentifier=model["modelArn"])
    told = account.sqs.receive_message(QueueUrl=account.queue_url, MaxNumberOfMessages=10)
    statuses = [json.loads(one["Body"])["detail"]["jobStatus"] for one in told["Messages"]]
    assert sorted(statuses) == ["Completed", "InProgress"]


@pytest.mark.parametrize("phase", ["validation", "dataProcessing", "training"])
async def test_a_failure_in_each_phase(account: Account, phase: str) -> None:
    wanted = account.wanted()
    body = "\n".join([a_line(f"{{{{fault:fail_{phase}}}}}"), *[a_line()] * 8])
    account.s3.put_object(Bucket=account.bucket, Key="job-1.jsonl", Body=body)
    arn = (await account.call("create_model_customization_job", **wanted))["jobArn"]
    failed = await account.until_status(arn, "Failed")
    assert failed["statusDetails"][f"{phase}Details"]["status"] == "Failed"
    assert phase in failed["failureMessage"]
    assert "outputModelArn" not in failed


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([a_line()] * 7, "7 records"),
        ([*[a_line()] * 8, a_line("User: hello")], "line 9: reserved word"),
        ([*[a_line()] * 8, "{"], "line 9: not JSON"),
        ([*[a_line()] * 8, a_line("x" * 400_000)], "line 9: too long"),
        ([*[a_line()] * 8, a_line(extra=1)], "line 9: extra is not allowed"),
    ],
)
async def test_a_set_that_is_not_accepted(account: Account, lines: list[str], words: str) -> None:
    wanted = account.wanted()
    account.s3.put_object(Bucket=account.bucket, Key="job-1.jsonl", Body="\n".join(lines))
    await account.call("create_model_customization_job", **wanted)
    failed = await account.until_status("job-1", "Failed")
    assert words in failed["failureMessage"]


async def test_stop_and_what_is_refused(account: Account) -> None:
    account.played.gate.opened.clear()
    await account.call("create_model_customization_job", **account.wanted())
    await account.call("stop_model_customization_job", jobIdentifier="job-1")
    account.played.gate.opened.set()
    await account.until_status("job-1", "Stopped")
    refused = [
        ("ConflictException", account.wanted(clientRequestToken="other")),
        ("ValidationException", account.wanted("job-2", baseModelIdentifier="amazon.titan-tg1")),
        ("ValidationException", account.wanted("job-3", jobName="a b")),
        (
            "ValidationException",
            account.wanted("job-4", trainingDataConfig={"s3Uri": "s3://sets/a%40b"}),
        ),
        ("ValidationException", account.wanted("job-5", roleArn="somebody, anybody, everybody")),
    ]
    for code, wanted in refused:
        with pytest.raises(ClientError, match=code):
            await account.call("create_model_customization_job", **wanted)
    with pytest.raises(ClientError, match="ConflictException"):
        await account.call("stop_model_customization_job", jobIdentifier="job-1")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        await account.call("get_model_customization_job", jobIdentifier="nothing")
