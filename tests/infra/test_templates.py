"""What the templates say where no emulator can prove it."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contracts.topology import DEAD_LETTER_RETENTION_S, QUEUES, SERVICES, SUBSCRIPTIONS
from infra.acknowledged import acknowledgements
from infra.names import digest_parameter, logical
from infra.profiles import PROFILES
from tests.infra import matrix
from tests.infra.templates import Templates

KEPT = {
    "AWS::DynamoDB::Table",
    "AWS::EC2::Volume",
    "AWS::ECR::Repository",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::KMS::Key",
    "AWS::OpenSearchService::Domain",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
}


def container(templates: Templates, family: str) -> dict[str, Any]:
    task = templates.one("AWS::ECS::TaskDefinition", Family=f"ragops-{family}")
    made: dict[str, Any] = task.properties["ContainerDefinitions"][-1]
    return made


def told(templates: Templates, service: str) -> dict[str, str]:
    environment = container(templates, service)["Environment"]
    return {pair["Name"]: pair["Value"] for pair in environment}


def test_cdk_nag_has_no_finding_but_those_acknowledged(assembly: Path) -> None:
    reports = json.loads((assembly / "validation-report.json").read_text())["pluginReports"]
    # CDK's own validation adds a report where it has found something.
    assert [report["pluginName"] for report in reports] == ["AwsSolutions"]
    (report,) = reports
    assert (report["conclusion"], report["violations"]) == ("success", [])
    # One that nothing needs any more hides the next finding of its kind.
    assert len(report["suppressedViolations"]) == len(acknowledgements(PROFILES["small"]))


def test_cfn_lint_has_no_error(assembly: Path) -> None:
    found = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "cfn-lint"), "--non-zero-exit-code", "error"),
            *sorted(map(str, assembly.glob("*.template.json"))),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_no_template_names_an_account_or_a_region(assembly: Path) -> None:
    for template in assembly.glob("*.template.json"):
        text = template.read_text()
        assert re.search(r'"\d{12}"|:\d{12}:', text) is None, template
        # Inference profiles name regions; the small profile has none.
        assert re.search(r"(us|eu|ap)-(east|west|central)-\d", text) is None, template


def test_every_template_fits_into_a_change_set(assembly: Path) -> None:
    for template in assembly.glob("*.template.json"):
        assert len(template.read_bytes()) < 1_000_000


def test_what_holds_data_is_kept_when_its_stack_goes(templates: Templates) -> None:
    for resource in templates.all():
        if resource.kind in KEPT and resource.stack in ("RagOps-stores", "RagOps-messages"):
            for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
                assert resource.body.get(policy) in ("Retain", "Snapshot"), resource


@pytest.mark.parametrize("family", [*SERVICES, "migrate", "neo4j"])
def test_a_container_may_do_little(templates: Templates, family: str) -> None:
    one = container(templates, family)
    assert one["User"] != "root"
    assert one["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert one["LinuxParameters"]["InitProcessEnabled"] is True
    assert one["LinuxParameters"]["Tmpfs"][0]["ContainerPath"] == "/tmp"
    assert one["LinuxParameters"]["Tmpfs"][0]["Size"] < one["Memory"]
    assert one["ReadonlyRootFilesystem"] is (family != "neo4j")
    assert one["DockerSecurityOptions"] == ["no-new-privileges"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_time_to_drain_and_says_how_it_is(templates: Templates, service: str) -> None:
    one = container(templates, service)
    # RAGOPS_DRAIN_S of docs/settings.md, and a poll of SQS for those who wait for one.
    assert one["StopTimeout"] >= (110 if service == "gateway" else 25 + 20)
    assert one["HealthCheck"]["Command"] == ["CMD", "python", "-m", "shared.health"]
    assert told(templates, service)["RAGOPS_HEARTBEAT_FILE"].startswith("/tmp/")


def test_readers_roll_before_those_that_write_to_them(templates: Templates) -> None:
    """CloudFormation waits for a service to be stable before what depends on it begins."""
    services = {
        one.id: one for one in templates.all("AWS::ECS::Service") if one.stack == "RagOps-services"
    }
    assert {one.properties["ServiceName"] for one in services.values()} == {*SERVICES, "neo4j"}
    after = {
        one.properties["ServiceName"]: {
            services[id_].properties["ServiceName"]
            for id_ in one.body.get("DependsOn", [])
            if id_ in services
        }
        for one in services.values()
    }
    assert after["gateway"] == {"ingestion"}
    assert after["ingestion"] == {"retrieval", "memory", "finetune_export"}
    assert after["retrieval"] == {"neo4j"}


def test_streams_outlast_a_deploy(templates: Templates) -> None:
    group = templates.one("AWS::ElasticLoadBalancingV2::TargetGroup").properties
    attributes = {one["Key"]: one["Value"] for one in group["TargetGroupAttributes"]}
    assert int(attributes["deregistration_delay.timeout_seconds"]) >= 110
    balancer = templates.one("AWS::ElasticLoadBalancingV2::LoadBalancer").properties
    attributes = {one["Key"]: one["Value"] for one in balancer["LoadBalancerAttributes"]}
    assert attributes["idle_timeout.timeout_seconds"] == "300"


def test_versions_are_kept_only_where_they_are_locked_or_erased(
    templates: Templates,
) -> None:
    versioned = {
        bucket.properties["BucketName"].split("-1111")[0]
        for bucket in templates.all("AWS::S3::Bucket")
        if "VersioningConfiguration" in bucket.properties
    }
    # Not the carrier: it would keep files that people have deleted.
    assert versioned == {"ragops-audit", *matrix.ERASED}


def test_no_secret_is_a_plain_variable(templates: Templates) -> None:
    for family in (*SERVICES, "migrate", "neo4j"):
        secret = re.compile("SECRET|PASSWORD|TOKEN_SECRET")
        one = container(templates, family)
        assert [pair["Name"] for pair in one["Environment"] if secret.search(pair["Name"])] == []
    names = {one["Name"] for one in container(templates, "gateway")["Secrets"]}
    assert names == {"RAGOPS_TOKEN_SECRET", "RAGOPS_REDIS_PASSWORD"}


def test_the_first_users_password_is_in_one_container_that_ends(templates: Templates) -> None:
    task = templates.one("AWS::ECS::TaskDefinition", Family="ragops-migrate").properties
    first, second = task["ContainerDefinitions"]
    assert {one["Name"] for one in first["Secrets"]} == {"PGUSER", "PGPASSWORD"}
    assert (first["Essential"], second["Secrets"]) == (False, [])
    assert second["DependsOn"] == [{"ContainerName": first["Name"], "Condition": "SUCCESS"}]
    assert told(templates, "migrate")["RAGOPS_DATABASE_AUTH"] == "iam"


def test_stores_are_spoken_to_with_tls_and_the_roles_own_credentials(templates: Templates) -> None:
    gateway, retrieval = told(templates, "gateway"), told(templates, "retrieval")
    ingestion = told(templates, "ingestion")
    assert gateway["RAGOPS_REDIS_CACHE_URL"].startswith("rediss://")
    assert gateway["RAGOPS_REDIS_LEDGER_URL"].startswith("rediss://")
    assert gateway["RAGOPS_REDIS_CACHE_URL"] != gateway["RAGOPS_REDIS_LEDGER_URL"]
    assert retrieval["RAGOPS_OPENSEARCH_URL"].startswith("https://")
    assert (retrieval["RAGOPS_OPENSEARCH_AUTH"], ingestion["RAGOPS_DATABASE_AUTH"]) == (
        "sigv4",
        "iam",
    )
    assert ingestion["RAGOPS_MIGRATE"] == "false"


def test_senders_are_roles_by_their_ids(templates: Templates) -> None:
    senders = json.loads(told(templates, "ingestion")["RAGOPS_SENDERS"])
    roles = {
        one.properties["RoleName"]: f"<{one.id}.RoleId>"
        for one in templates.all("AWS::IAM::Role")
        if one.stack == "RagOps-messages"
    }
    wanted = ("ragops-gateway", "ragops-ingestion", "ragops-operator")
    assert senders == {roles[name]: ["*"] for name in wanted}


@pytest.mark.parametrize("name", [*SERVICES, "neo4j"])
def test_an_image_is_a_digest_that_the_stack_is_given(templates: Templates, name: str) -> None:
    parameter = digest_parameter(name)
    assert container(templates, name)["Image"].endswith(f"/ragops/{name}@<{parameter}>")
    given = templates.stacks["RagOps-services"]["Parameters"][parameter]
    assert re.fullmatch(given["AllowedPattern"], f"sha256:{'a' * 64}")


def test_queues_and_subscriptions_are_those_of_the_topology(templates: Templates) -> None:
    queues = {one.properties["QueueName"]: one for one in templates.all("AWS::SQS::Queue")}
    assert len(queues) == 2 * len(QUEUES)
    for queue in QUEUES.values():
        made, dead = queues[queue.name].properties, queues[queue.dead_letters].properties
        assert made["VisibilityTimeout"] == queue.visibility_s
        assert made["RedrivePolicy"]["deadLetterTargetArn"].endswith(f":{queue.dead_letters}")
        assert dead["MessageRetentionPeriod"] == DEAD_LETTER_RETENTION_S
        assert made["KmsMasterKeyId"] == dead["KmsMasterKeyId"]
    found = {
        (
            one.properties["TopicArn"].rpartition(":")[2],
            one.properties["Endpoint"].rpartition(":")[2],
            tuple(one.properties["FilterPolicy"]["type"]),
        )
        for one in templates.all("AWS::SNS::Subscription")
        if one.properties["Protocol"] == "sqs"
    }
    assert found == {(one.topic, one.queue, one.types) for one in SUBSCRIPTIONS}


def test_each_dead_letter_queue_and_each_queues_oldest_message_has_an_alarm(
    templates: Templates,
) -> None:
    alarms: dict[str, set[str]] = {}
    for alarm in templates.all("AWS::CloudWatch::Alarm"):
        for dimension in alarm.properties["Dimensions"]:
            if dimension["Name"] == "QueueName" and alarm.stack == "RagOps-watch":
                alarms.setdefault(alarm.properties["MetricName"], set()).add(dimension["Value"])
    assert alarms["ApproximateNumberOfMessagesVisible"] == {
        queue.dead_letters for queue in QUEUES.values()
    }
    assert alarms["ApproximateAgeOfOldestMessage"] == set(QUEUES)


def test_every_service_has_an_alarm_for_its_end_and_for_its_silence(templates: Templates) -> None:
    names = {alarm.properties["AlarmName"] for alarm in templates.all("AWS::CloudWatch::Alarm")}
    for service in SERVICES:
        assert {f"ragops-{logical(service)}{what}" for what in ("Down", "Silent")} <= names


def test_every_service_has_a_dashboard_that_cloudwatch_can_read(templates: Templates) -> None:
    boards = list(templates.all("AWS::CloudWatch::Dashboard"))
    assert len(boards) == len(SERVICES)
    for board in boards:
        body = board.properties["DashboardBody"]["Fn::Sub"]
        assert all(one["properties"]["metrics"] for one in json.loads(body)["widgets"])


def test_ingestion_scales_by_its_own_work_and_not_by_its_empty_queue(
    templates: Templates,
) -> None:
    names = {
        metric["MetricStat"]["Metric"]["MetricName"]
        for policy in templates.all("AWS::ApplicationAutoScaling::ScalingPolicy")
        if policy.properties["PolicyName"].startswith("ragops-ingestion")
        for metric in _metrics(policy.properties)
        if "MetricStat" in metric
    }
    assert names == {"claimable_documents", "DesiredTaskCount"}


def _metrics(policy: dict[str, Any]) -> list[dict[str, Any]]:
    tracking = policy.get("TargetTrackingScalingPolicyConfiguration", {})
    metrics: list[dict[str, Any]] = tracking.get("CustomizedMetricSpecification", {}).get(
        "Metrics", []
    )
    return metrics


def test_every_resource_that_costs_money_has_the_tag(templates: Templates) -> None:
    for kind in (
        "AWS::EC2::NatGateway",
        "AWS::RDS::DBInstance",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::ECS::Service",
    ):
        for resource in templates.all(kind):
            tags = {tag["Key"]: tag["Value"] for tag in resource.properties["Tags"]}
            assert tags["system"] == "ragops", resource.id


def test_the_way_out_follows_the_profile(templates: Templates, standard: Templates) -> None:
    kind, nat = "AWS::EC2::VPCEndpoint", "AWS::EC2::NatGateway"
    assert len([*templates.all(nat)]) == 1
    assert len([*standard.all(nat)]) == 0
    interfaces = [
        one for one in standard.all(kind) if one.properties["VpcEndpointType"] == "Interface"
    ]
    assert len(interfaces) == 14
    assert all(len(one.properties["SubnetIds"]) == 2 for one in interfaces)


def test_a_task_cannot_take_on_its_hosts_role(templates: Templates) -> None:
    for host in templates.all("AWS::EC2::LaunchTemplate"):
        data = host.properties["LaunchTemplateData"]
        assert data["MetadataOptions"]["HttpTokens"] == "required"
        assert "ECS_AWSVPC_BLOCK_IMDS=true" in json.dumps(data["UserData"])


def test_nobody_changes_the_audit_log_before_its_time(templates: Templates) -> None:
    locked = {
        bucket.properties["BucketName"].split("-")[1]: bucket.properties["ObjectLockConfiguration"]
        for bucket in templates.all("AWS::S3::Bucket")
        if bucket.properties.get("ObjectLockEnabled")
    }
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 365}}
    assert locked == {"audit": {"ObjectLockEnabled": "Enabled", "Rule": rule}}


def test_the_balancer_closes_an_idle_connection_before_the_gateway_does(
    templates: Templates,
) -> None:
    balancer = templates.one("AWS::ElasticLoadBalancingV2::LoadBalancer")
    said = {one["Key"]: one["Value"] for one in balancer.properties["LoadBalancerAttributes"]}
    idle_s = int(said["idle_timeout.timeout_seconds"])
    assert int(told(templates, "gateway")["RAGOPS_KEEP_ALIVE_S"]) > idle_s


def test_a_rule_tells_of_trainings(templates: Templates) -> None:
    rule = templates.one("AWS::Events::Rule").properties
    assert rule["EventPattern"] == {
        "source": ["aws.bedrock", "aws.sagemaker"],
        "detail-type": [
            "Model Customization Job State Change",
            "SageMaker Training Job State Change",
        ],
    }
    [target] = rule["Targets"]
    assert target["Arn"].rpartition(":")[2].strip(">").split(".")[0] in (
        "finetune-trainings",
        "<FinetuneTrainings",
    )


def test_the_providers_alone_take_on_the_trainers_role_for_jobs_of_this_account(
    templates: Templates,
) -> None:
    role = templates.one("AWS::IAM::Role", RoleName="ragops-trainer").properties
    jobs = {"bedrock": "model-customization-job/*", "sagemaker": "training-job/ragops-*"}
    statements = role["AssumeRolePolicyDocument"]["Statement"]
    assert len(statements) == len(jobs)
    for statement, (service, kind) in zip(statements, jobs.items(), strict=True):
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
        assert "aws:SourceAccount" in statement["Condition"]["StringEquals"]
        assert statement["Condition"]["ArnLike"]["aws:SourceArn"].endswith(kind)
    assert told(templates, "finetune_export")["RAGOPS_TRAINING_ROLE"].endswith(
        "role/ragops-trainer"
    )
