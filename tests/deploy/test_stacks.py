"""The synthesised stacks on the emulator: what it makes of them, and what it leaves out."""

from contracts.topology import QUEUES, SUBSCRIPTIONS, TABLES, TOPICS
from tests.deploy.host import Host
from tests.deploy.stacks import STACKS, Deployed

# A new gap, or one that was closed, fails. tests/infra looks at the templates of these instead.
UNKNOWN = {
    "network": {
        "AWS::EC2::EIP",
        "AWS::EC2::FlowLog",
        "AWS::EC2::NatGateway",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
    },
    "stores": {"AWS::DLM::LifecyclePolicy", "AWS::EC2::Volume", "AWS::IAM::RolePolicy"},
    "cluster": {"AWS::ECS::CapacityProvider", "AWS::ECS::ClusterCapacityProviderAssociations"},
    "services": {
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
    },
    "watch": {"AWS::Budgets::Budget"},
    "deployer": {"AWS::IAM::OIDCProvider"},
}


def test_every_stack_is_made_but_for_what_the_emulator_does_not_know(deployed: Deployed) -> None:
    assert deployed.statuses == dict.fromkeys(STACKS, "CREATE_COMPLETE")
    assert deployed.unknown == UNKNOWN


def test_the_topology_is_there(deployed: Deployed, host: Host) -> None:
    names = {name for queue in QUEUES.values() for name in (queue.name, queue.dead_letters)}
    listed = host.client("sqs").list_queues()["QueueUrls"]
    assert {url.rpartition("/")[2] for url in listed} >= names
    sns = host.client("sns")
    topics = {one["TopicArn"].rpartition(":")[2] for one in sns.list_topics()["Topics"]}
    assert topics >= set(TOPICS)
    every = [
        (one["TopicArn"].rpartition(":")[2], one["Endpoint"].rpartition(":")[2])
        for one in sns.list_subscriptions()["Subscriptions"]
        if one["Protocol"] == "sqs"
    ]
    # compose.yaml's system lies beside it, with a prefix.
    made = [(topic, queue) for topic, queue in every if topic in TOPICS]
    wanted: dict[tuple[str, str], set[str]] = {}
    for one in SUBSCRIPTIONS:
        wanted.setdefault((one.topic, one.queue), set()).update(one.types)
    assert sorted(made) == sorted(wanted)
    assert set(host.client("dynamodb").list_tables()["TableNames"]) >= set(TABLES)
