"""The deploy command's change sets against an emulator, and the words for what goes wrong."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.deploy import checks, steps, tokens
from infra.deploy.changes import Plan, Stacks
from infra.deploy.deployment import Deployment, Wanted
from infra.deploy.failures import DeployFailed, advice
from infra.deploy.uploading import uploader
from infra.profiles import Models
from tests.infra.emulator import ministack

REGION = "us-east-1"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack(tmp_path_factory.mktemp("ministack")) as address:
        yield address


@dataclass
class Shell:
    """Stacks as the command has them, and what it said."""

    url: str
    said: list[str] = field(default_factory=list)

    def client(self, name: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(name, endpoint_url=self.url, region_name=REGION, **keys)

    def stacks(self) -> Stacks:
        upload = uploader(self.client("s3"), "ragops-templates", REGION)
        return Stacks(self.client("cloudformation"), upload, self.said.append, poll_s=0.05)


@pytest.fixture
def shell(url: str) -> Shell:
    return Shell(url)


def template(folder: Path, name: str, **resources: Any) -> Path:
    path = folder / f"{name}.template.json"
    parameters = {"Days": {"Type": "Number", "Default": 1}}
    path.write_text(json.dumps({"Parameters": parameters, "Resources": resources}))
    return path


def queue(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name, **more}}


def test_a_stack_is_made_changed_and_left_alone(shell: Shell, tmp_path: Path) -> None:
    stacks = shell.stacks()
    first = stacks.plan("one", {}, template(tmp_path, "one", A=queue("one-a")))
    assert (first.creates, first.changes) == (True, ("Add AWS::SQS::Queue A",))
    assert not stacks.is_there("one")
    stacks.apply(first)
    assert stacks.is_there("one")
    assert any("CREATE_COMPLETE" in line and "AWS::SQS::Queue A" in line for line in shell.said)

    both = template(tmp_path, "one", A=queue("one-a"), B=queue("one-b"))
    second = stacks.plan("one", {}, both)
    assert (second.creates, second.changes) == (False, ("Add AWS::SQS::Queue B",))
    stacks.apply(second)
    assert stacks.plan("one", {}, both).changes == ()


def test_a_parameter_alone_changes_a_stack_that_keeps_its_template(
    shell: Shell, tmp_path: Path
) -> None:
    stacks = shell.stacks()
    kept = queue("kept", MessageRetentionPeriod={"Ref": "Days"})
    path = template(tmp_path, "kept", A=kept)
    stacks.apply(stacks.plan("kept", {"Days": "60"}, path))
    change = stacks.plan("kept", {"Days": "90"})
    assert change.changes == ("Modify AWS::SQS::Queue A",)
    stacks.apply(change)
    # What is not given stays as it was.
    assert stacks.plan("kept", {}).changes == ()


def test_what_nobody_wants_leaves_nothing_behind(shell: Shell, tmp_path: Path) -> None:
    stacks = shell.stacks()
    plan = stacks.plan("unwanted", {}, template(tmp_path, "unwanted", A=queue("unwanted")))
    stacks.drop(plan)
    assert not stacks.is_there("unwanted")
    with pytest.raises(ClientError):
        shell.client("sqs").get_queue_url(QueueName="unwanted")


def test_a_failed_stack_tells_its_first_reason(shell: Shell, tmp_path: Path) -> None:
    stacks = shell.stacks()
    broken = queue("wrong", KmsMasterKeyId={"Fn::ImportValue": "nobody-exports-this"})
    path = template(tmp_path, "wrong", A=broken)
    with pytest.raises(DeployFailed, match=r"(?s)ROLLBACK_COMPLETE.*nobody-exports-this"):
        stacks.apply(stacks.plan(path.name.partition(".")[0], {}, path))
    with pytest.raises(DeployFailed, match="Delete it"):
        stacks.plan(path.name.partition(".")[0], {}, path)


def test_a_template_that_cloudformation_refuses_is_told(shell: Shell, tmp_path: Path) -> None:
    unknown = {"Type": "AWS::SQS::Nothing", "Properties": {}}
    with pytest.raises(DeployFailed, match=r"refuses the template.*AWS::SQS::Nothing"):
        shell.stacks().plan("refused", {}, template(tmp_path, "refused", A=unknown))


def test_the_messages_of_the_assembly_deploy_as_they_are(shell: Shell, assembly: Path) -> None:
    """171 KB of template: it goes through S3. Nothing in it is unknown to the emulator."""
    stacks = shell.stacks()
    path = assembly / "RagOps-messages.template.json"
    plan = stacks.plan(path.name.partition(".")[0], {}, path)
    stacks.apply(plan)
    assert stacks.plan(path.name.partition(".")[0], {}, path).changes == ()
    attributes = shell.client("sqs").get_queue_attributes(
        QueueUrl=shell.client("sqs").get_queue_url(QueueName="retrieval-index")["QueueUrl"],
        AttributeNames=["All"],
    )["Attributes"]
    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].endswith("-dead")
    assert "SendersOnly" in attributes["Policy"]


class FakeStacks:
    """Notes the order; a stack is there once it was applied."""

    def __init__(self, *there: str) -> None:
        self.there, self.done, self.parameters = {*there}, list[str](), dict[str, Any]()

    def plan(self, stack: str, parameters: dict[str, str], template: Path | None) -> Plan:
        self.parameters[stack] = parameters
        return Plan(stack, "set", stack not in self.there, ("Add X",))

    def apply(self, plan: Any) -> None:
        self.there.add(plan.stack)
        self.done.append(plan.stack)

    def drop(self, plan: Any) -> None:
        self.done.append(f"dropped {plan.stack}")

    def is_there(self, stack: str) -> bool:
        return stack in self.there

    def delete(self, stack: str) -> None:
        self.there.discard(stack)
        self.done.append(f"deleted {stack}")

    def outputs(self, stack: str) -> dict[str, str]:
        places = {"TaskSubnets": "s-1,s-2", "IngestionGroup": "g-1", "GatewayGroup": "g-2"}
        return places | {"Url": "https://here"}


class FakeTasks:
    def __init__(self, stacks: FakeStacks, fails: str = "") -> None:
        self.stacks, self.fails = stacks, fails

    def run(self, family: str, network: Any, *, container: str = "", command: Any = ()) -> None:
        if family == self.fails:
            raise DeployFailed(f"{family} failed")
        self.stacks.done.append(family)


def deployment(stacks: FakeStacks, *, fails: str = "", yes: bool = True) -> Deployment:
    made: Any = stacks
    return Deployment(made, cast("Any", FakeTasks(stacks, fails)), lambda _: yes, lambda _: None)


def deployed(
    stacks: FakeStacks, *, fails: str = "", yes: bool = True, missing: bool = False
) -> str:
    def digests() -> dict[str, str]:
        if missing:
            raise DeployFailed("no images")
        return {"gateway": "sha256:1", "ingestion": "sha256:2"}

    wanted = Wanted(Path("folder"), digests, "arn:certificate", "")
    return deployment(stacks, fails=fails, yes=yes).deploy(wanted)


BEFORE = ["RagOps-network", "RagOps-messages", "RagOps-stores"]


def test_tables_come_before_the_services_and_the_ledger_after_them() -> None:
    stacks = FakeStacks()
    assert deployed(stacks) == "https://here"
    whole = [
        *BEFORE,
        "RagOps-cluster",
        "ragops-migrate",
        "RagOps-services",
        "ragops-gateway",
        "RagOps-watch",
    ]
    assert stacks.done == whole
    assert stacks.parameters["RagOps-services"] == {
        "ImageDigestGateway": "sha256:1",
        "ImageDigestIngestion": "sha256:2",
        "CertificateArn": "arn:certificate",
    }
    stacks.done.clear()
    deployed(stacks)
    assert stacks.done == whole


def test_a_ledger_that_was_not_opened_is_opened_by_the_next_deploy() -> None:
    stacks = FakeStacks()
    with pytest.raises(DeployFailed, match="ragops-gateway failed"):
        deployed(stacks, fails="ragops-gateway")
    stacks.done.clear()
    deployed(stacks)
    assert "ragops-gateway" in stacks.done


def test_other_images_roll_without_touching_network_stores_or_alarms() -> None:
    stacks = FakeStacks()
    made = deployment(stacks)
    with pytest.raises(DeployFailed, match="make deploy first"):
        made.roll({"ingestion": "sha256:3"})
    stacks.there |= {*BEFORE, "RagOps-cluster", "RagOps-services"}
    made.roll({"gateway": "sha256:2", "ingestion": "sha256:3"})
    assert stacks.done == ["RagOps-cluster", "ragops-migrate", "RagOps-services"]
    assert stacks.parameters["RagOps-cluster"] == {"ImageDigestIngestion": "sha256:3"}


def test_a_migration_that_fails_rolls_nothing_out() -> None:
    stacks = FakeStacks()
    with pytest.raises(DeployFailed, match="ragops-migrate failed"):
        deployed(stacks, fails="ragops-migrate")
    assert stacks.done == [*BEFORE, "RagOps-cluster"]


def test_missing_images_stop_it_after_the_stores_and_a_no_before_anything() -> None:
    stacks = FakeStacks()
    with pytest.raises(DeployFailed, match="no images"):
        deployed(stacks, missing=True)
    assert stacks.done == BEFORE
    stacks = FakeStacks()
    with pytest.raises(DeployFailed, match="left as it is"):
        deployed(stacks, yes=False)
    assert stacks.done == ["dropped RagOps-network"]


def test_destroying_keeps_stores_queues_and_network() -> None:
    stacks = FakeStacks(*BEFORE, "RagOps-cluster", "RagOps-services", "RagOps-watch")
    made = deployment(stacks)
    made.destroy(lambda: stacks.done.append("released hosts"))
    assert stacks.there == {*BEFORE}
    assert stacks.done == [
        "deleted RagOps-watch",
        "deleted RagOps-services",
        # Else their group cannot be deleted.
        "released hosts",
        "deleted RagOps-cluster",
    ]
    with pytest.raises(DeployFailed, match="Nothing runs"):
        made.destroy(lambda: None)


def test_a_region_without_bedrock_is_told_with_those_that_have_it() -> None:
    with pytest.raises(DeployFailed, match=r"--region with one of: eu-west-1, us-east-1"):
        checks.check_region("mars-1", ["us-east-1", "eu-west-1"])
    with pytest.raises(DeployFailed, match="Set AWS_REGION"):
        checks.check_region(None, [])
    assert checks.check_region("us-east-1", ["us-east-1"]) == "us-east-1"


def test_a_certificate_of_another_region_is_refused() -> None:
    with pytest.raises(DeployFailed, match="The certificate is of eu-west-1"):
        checks.check_certificate("arn:aws:acm:eu-west-1:1:certificate/x", REGION)
    with pytest.raises(DeployFailed, match="no certificate of ACM"):
        checks.check_certificate("", REGION)
    checks.check_certificate("arn:aws:acm:us-east-1:1:certificate/x", REGION)


def test_a_bucket_that_is_there_is_found_before_anything_is_made(shell: Shell) -> None:
    s3 = shell.client("s3")
    checks.check_buckets(s3, "111122223333", REGION)
    s3.create_bucket(Bucket=f"ragops-carrier-111122223333-{REGION}")
    with pytest.raises(DeployFailed, match="ragops-carrier-111122223333-us-east-1 is there"):
        checks.check_buckets(s3, "111122223333", REGION)


def test_missing_images_are_all_named(shell: Shell) -> None:
    ecr = shell.client("ecr")
    ecr.create_repository(repositoryName="ragops/gateway")
    manifest = json.dumps({"schemaVersion": 2, "layers": []})
    ecr.put_image(repositoryName="ragops/gateway", imageManifest=manifest, imageTag="abc")
    assert checks.digests(ecr, ["gateway"], "abc")["gateway"].startswith("sha256:")
    with pytest.raises(DeployFailed, match=r"no tag new in ECR: ragops/gateway, ragops/memory"):
        checks.digests(ecr, ["gateway", "memory"], "new")


def test_a_model_that_the_region_lacks_is_named() -> None:
    class Bedrock:
        def list_foundation_models(self) -> Any:
            names = ("amazon.nova-lite-v1:0", "amazon.titan-embed-text-v2:0")
            return {"modelSummaries": [{"modelId": name} for name in names]}

    models = Models(answer=("us.amazon.nova-lite-v1:0",), rerank=None)
    checks.check_models(Bedrock(), models, REGION)
    with pytest.raises(DeployFailed, match=r"us-east-1 does not offer vendor\.other-v1"):
        checks.check_models(Bedrock(), Models(answer=("vendor.other-v1",), rerank=None), REGION)


def test_the_first_token_is_signed_with_the_secret_and_a_missing_one_is_told(
    shell: Shell,
) -> None:
    secrets = shell.client("secretsmanager")
    with pytest.raises(DeployFailed, match="ragops/token-secret cannot be read"):
        tokens.first_token(secrets, "demo", "me")
    secrets.create_secret(Name="ragops/token-secret", SecretString="x" * 64)
    from services.gateway.services.access import Access

    principal = Access("x" * 64).verify(tokens.first_token(secrets, "demo", "me"))
    assert (principal.tenant, principal.user) == ("demo", "me")


class FakeAutoscaling:
    def __init__(self) -> None:
        self.released: list[dict[str, Any]] = []

    def describe_auto_scaling_groups(self, **_: Any) -> Any:
        hosts = [
            {"InstanceId": "i-1", "ProtectedFromScaleIn": True},
            {"InstanceId": "i-2", "ProtectedFromScaleIn": False},
        ]
        groups = [
            {"AutoScalingGroupName": "services", "Instances": hosts},
            {"AutoScalingGroupName": "empty", "Instances": []},
        ]
        return {"AutoScalingGroups": groups}

    def set_instance_protection(self, **asked: Any) -> None:
        self.released.append(asked)


def test_protected_hosts_are_let_go() -> None:
    autoscaling = FakeAutoscaling()
    steps.release_hosts(autoscaling)
    assert autoscaling.released == [
        {
            "AutoScalingGroupName": "services",
            "InstanceIds": ["i-1"],
            "ProtectedFromScaleIn": False,
        }
    ]


def test_aws_own_roles_may_be_there_already(shell: Shell) -> None:
    for _ in range(2):
        steps.make_service_roles(shell.client("iam"))
    roles = {one["RoleName"] for one in shell.client("iam").list_roles()["Roles"]}
    assert any("opensearch" in name.lower() for name in roles), roles


class FakeEcs:
    def __init__(self, *containers: dict[str, Any]) -> None:
        self.containers = containers

    def run_task(self, **_: Any) -> Any:
        return {"tasks": [{"taskArn": "arn"}], "failures": []}

    def describe_tasks(self, **_: Any) -> Any:
        return {"tasks": [{"lastStatus": "STOPPED", "containers": [*self.containers]}]}


def test_a_task_that_ends_with_an_error_names_its_container_and_its_log() -> None:
    good, bad = {"name": "database-user", "exitCode": 0}, {"name": "migrate", "exitCode": 2}
    steps.Tasks(FakeEcs(good), lambda _: None).run("ragops-migrate", {})
    with pytest.raises(DeployFailed, match=r"migrate ended with 2.*/ragops/migrate"):
        steps.Tasks(FakeEcs(good, bad), lambda _: None).run("ragops-migrate", {})


def test_cloudformations_reasons_come_with_advice() -> None:
    assert "name is taken" in advice("The bucket ragops-carrier already exists")
    assert "/ragops/<service>" in advice("ECS Deployment Circuit Breaker was triggered")
    assert advice("something else") == ""
