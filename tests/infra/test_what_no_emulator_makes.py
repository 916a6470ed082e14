"""The resources that the emulator does not know (tests/deploy lists them): their templates."""

from typing import Any

from contracts.topology import SERVICES
from tests.infra.templates import Templates

# Who may open a connection to whom in the VPC, written by hand; 443 to any address is AWS itself.
TALKS = {
    ("balancer", "gateway", 8080),
    ("gateway", "redis", 6379),
    ("ingestion", "postgres", 5432),
    ("retrieval", "search", 443),
    ("retrieval", "neo4j", 7687),
}
CALLERS = {*SERVICES, "hosts", "neo4j"}


def _name(templates: Templates, group: str) -> str:
    """`<networkgroup….GroupId>` is the group whose description ends in its name."""
    id_ = group.strip("<>").partition(".")[0]
    body = templates.stacks["RagOps-network"]["Resources"][id_]
    return str(body["Properties"]["GroupDescription"]).removeprefix("ragops ")


def _rules(templates: Templates, kind: str, other: str) -> set[tuple[str, str, int]]:
    found = set()
    for rule in templates.all(f"AWS::EC2::SecurityGroup{kind}"):
        one, two = rule.properties["GroupId"], rule.properties[other]
        found.add((_name(templates, one), _name(templates, two), rule.properties["FromPort"]))
        assert rule.properties["FromPort"] == rule.properties["ToPort"]
    return found


def test_only_those_who_must_talk_may_connect(templates: Templates) -> None:
    into = _rules(templates, "Ingress", "SourceSecurityGroupId")
    to_endpoints = {("endpoints", caller, 443) for caller in CALLERS}
    assert into == {(to, one, port) for one, to, port in TALKS} | to_endpoints
    assert _rules(templates, "Egress", "DestinationSecurityGroupId") == TALKS


def test_what_is_open_to_any_address_is_the_balancer_and_the_way_to_aws(
    templates: Templates,
) -> None:
    for group in templates.all("AWS::EC2::SecurityGroup"):
        name = group.properties["GroupDescription"].removeprefix("ragops ")
        into = {rule["FromPort"] for rule in group.properties.get("SecurityGroupIngress", [])}
        out = {
            rule["FromPort"]
            for rule in group.properties.get("SecurityGroupEgress", [])
            # CDK's rule for a group without a way out.
            if rule["CidrIp"] != "255.255.255.255/32"
        }
        assert into == ({80, 443} if name == "balancer" else set()), name
        assert out == ({443} if name in CALLERS else set()), name


def test_stores_have_no_route_out(templates: Templates) -> None:
    routes = {one.id for one in templates.all("AWS::EC2::Route")}
    assert routes
    assert [id_ for id_ in routes if "stores" in id_.lower()] == []


def test_refused_connections_are_logged(templates: Templates) -> None:
    log = templates.one("AWS::EC2::FlowLog").properties
    assert (log["ResourceType"], log["TrafficType"]) == ("VPC", "REJECT")
    templates.one("AWS::Logs::LogGroup", LogGroupName=log["LogGroupName"])


def test_the_graphs_volume_has_snapshots_and_a_host_in_its_zone(templates: Templates) -> None:
    volume = templates.one("AWS::EC2::Volume")
    assert volume.properties["Encrypted"] is True
    policy = templates.one("AWS::DLM::LifecyclePolicy").properties["PolicyDetails"]
    for tag in policy["TargetTags"]:
        assert tag in volume.properties["Tags"]
    assert policy["Schedules"][0]["CreateRule"]["IntervalUnit"] == "HOURS"
    groups = [*templates.all("AWS::AutoScaling::AutoScalingGroup")]
    (home,) = [one for one in groups if len(one.properties["VPCZoneIdentifier"]) == 1]
    assert (home.properties["MinSize"], home.properties["MaxSize"]) == ("1", "1")
    (subnet,) = home.properties["VPCZoneIdentifier"]
    network = templates.stacks["RagOps-network"]["Resources"]
    zone = templates.resolved("RagOps-network", network[subnet]["Properties"]["AvailabilityZone"])
    assert volume.properties["AvailabilityZone"] == zone


def test_hosts_drain_before_they_go(templates: Templates) -> None:
    providers = [*templates.all("AWS::ECS::CapacityProvider")]
    assert {one.properties["Name"] for one in providers} == {"ragops-services", "ragops-neo4j"}
    for provider in providers:
        group = provider.properties["AutoScalingGroupProvider"]
        assert group["ManagedDraining"] == "ENABLED"
        assert group["ManagedTerminationProtection"] == "ENABLED"
    for group in templates.all("AWS::AutoScaling::AutoScalingGroup"):
        assert group.properties["NewInstancesProtectedFromScaleIn"] is True


def _targets(templates: Templates) -> dict[str, dict[str, Any]]:
    return {
        one.properties["ResourceId"].rpartition("/")[2]: one.properties
        for one in templates.all("AWS::ApplicationAutoScaling::ScalableTarget")
    }


def test_every_service_scales_between_its_profiles_bounds(templates: Templates) -> None:
    targets = _targets(templates)
    assert set(targets) == set(SERVICES)
    assert all(one["MinCapacity"] < one["MaxCapacity"] for one in targets.values())


def test_people_who_wait_make_retrieval_and_memory_grow(templates: Templates) -> None:
    steps = {
        one.properties["PolicyName"]
        for one in templates.all("AWS::ApplicationAutoScaling::ScalingPolicy")
        if one.properties["PolicyType"] == "StepScaling"
    }
    assert steps == {"ragops-retrieval-requests", "ragops-memory-requests"}
    alarms = {
        dimension["Value"]
        for alarm in templates.all("AWS::CloudWatch::Alarm")
        if alarm.properties["AlarmName"].endswith("-scales-out")
        for dimension in alarm.properties["Dimensions"]
    }
    assert alarms == {"retrieval-queries", "memory-queries"}


def test_the_budget_is_told_in_steps_and_by_its_forecast(templates: Templates) -> None:
    budget = templates.one("AWS::Budgets::Budget").properties
    told = {
        (one["Notification"]["NotificationType"], one["Notification"]["Threshold"])
        for one in budget["NotificationsWithSubscribers"]
    }
    assert told == {("ACTUAL", 50), ("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)}
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:system$ragops"]}


def test_only_one_environment_of_one_repository_deploys(templates: Templates) -> None:
    role = templates.one("AWS::IAM::Role", RoleName="ragops-deployer").properties
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    issuer = "token.actions.githubusercontent.com"
    assert trust["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": "repo:<Repository>:environment:<Environment>",
        }
    }
