"""The findings of cdk-nag that stand, each with its reason. Any other fails the tests."""

from collections.abc import Iterator

import aws_cdk as cdk
from constructs import IConstruct

from contracts.topology import BUCKETS, SECRETS, SERVICES
from infra.names import GRAPH, IMAGES, SYSTEM, TRAINING_JOBS, TRAINING_LOGS, log_group, logical
from infra.profiles import Profile

# Path of the construct, rule, reason.
Acknowledged = tuple[str, str, str]
_PLACE = "<AWS::Region>:<AWS::AccountId>"
_TUNED = ("model-customization-job", "custom-model", "custom-model-deployment")
_NO_LEVEL = "IAM has no resource level for this action; tests/infra/matrix.py lists such actions."
_SIZE = "The small profile runs one of each to be cheap; standard runs two in two zones."


def acknowledge(app: cdk.App, profile: Profile) -> None:
    for path, rule, reason in acknowledgements(profile):
        place: IConstruct = app
        for part in path.split("/"):
            place = place.node.find_child(part)
        cdk.Validations.of(place).acknowledge(
            cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason)
        )


def acknowledgements(profile: Profile) -> list[Acknowledged]:
    return [*_all(profile)]


def _all(profile: Profile) -> Iterator[Acknowledged]:
    yield (
        "RagOps-network/balancer-group/Resource",
        "EC23",
        "People reach the gateway from anywhere; a token is asked of each request.",
    )
    yield from _messages()
    if profile.models.images:
        yield from _machines()
    yield from _stores(profile)
    yield from _cluster()
    yield from _tasks()
    yield from _deployer()


def _wildcard(service: str, resource: str) -> str:
    return f"IAM5[Resource::arn:<AWS::Partition>:{service}:{_PLACE}:{resource}]"


def _messages() -> Iterator[Acknowledged]:
    for service in SERVICES:
        yield (
            f"RagOps-messages/{logical(service)}Role",
            _wildcard("sqs", "gateway-replies-*"),
            "Each gateway names its reply queue when it starts; nothing else begins like that.",
        )
    chosen = "Bedrock chooses the ids of jobs, custom models and deployments."
    for service, kinds in (("gateway", _TUNED[-1:]), ("finetune_export", _TUNED)):
        for kind in kinds:
            role = f"RagOps-messages/{logical(service)}Role"
            yield role, _wildcard("bedrock", f"{kind}/*"), chosen
    yield (
        f"RagOps-messages/{logical('finetune_export')}Role",
        _wildcard("sagemaker", TRAINING_JOBS),
        "A job is named by its training's id.",
    )
    for service in ("gateway", "retrieval"):
        yield f"RagOps-messages/{logical(service)}Role", "IAM5[Resource::*]", _NO_LEVEL


def _machines() -> Iterator[Acknowledged]:
    """Of a profile with images that train."""
    role, group = "RagOps-messages/TrainerRole", f"log-group:{TRAINING_LOGS}"
    yield role, "IAM5[Resource::*]", _NO_LEVEL
    yield role, _wildcard("logs", f"{group}:*"), "An ARN of a log group in a policy ends so."
    yield (
        role,
        _wildcard("logs", f"{group}:log-stream:{SYSTEM}-*"),
        "SageMaker names log streams by the job, and adds to it.",
    )


def _stores(profile: Profile) -> Iterator[Acknowledged]:
    for name in (secret for secrets in SECRETS.values() for secret in secrets):
        yield (
            f"RagOps-stores/{logical(name)}",
            "SMG4",
            "Rotated by hand, as docs/deploy.md says: a new token secret ends all tokens.",
        )
    for bucket in (*map(logical, BUCKETS), "AccessLogs"):
        for part in (bucket, f"{bucket}Policy"):
            yield (
                f"RagOps-stores/Buckets/{part}",
                "S10",
                (
                    "Its policy refuses plain HTTP; cdk-nag cannot read the name, which is put"
                    " together from account and region. tests/infra/test_refusals.py can."
                ),
            )
    yield "RagOps-stores/Buckets/AccessLogs", "S1", "It holds the access logs itself."
    yield "RagOps-stores/Postgres/Server", "RDS11", "A port is no secret; a group guards it."
    for role in ("Cache", "Ledger"):
        path = f"RagOps-stores/Redis/{role}"
        yield path, "AEC5", "A port is no secret; a security group guards it."
        yield path, "AEC6", "Users and passwords of a user group, not one AUTH token for all."
        if profile.cache_nodes == 1:
            yield path, "AEC4", _SIZE
    if not profile.database_two_zones:
        yield "RagOps-stores/Postgres/Server", "RDS3", _SIZE
    yield from _search(profile)
    yield (
        "RagOps-stores/Graph/SnapshotRole",
        (
            "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
            "AWSDataLifecycleManagerServiceRole]"
        ),
        "AWS' own policy for its own service, which follows that service's changes.",
    )


def _search(profile: Profile) -> Iterator[Acknowledged]:
    path = "RagOps-stores/Search/Domain"
    yield path, "OS3", "It is in a VPC, and signed requests of one role are all that it takes."
    yield path, "OS4", "Managers of their own pay from ten nodes on; the index can be made again."
    for log in ("SEARCH_SLOW_LOGS", "INDEX_SLOW_LOGS"):
        yield (
            path,
            f"OS9[LogExport::{log}]",
            "Retrieval publishes the time of each leg; slow logs would hold people's questions.",
        )
    if profile.search_nodes == 1:
        yield path, "OS7", _SIZE


def _cluster() -> Iterator[Acknowledged]:
    for name in ("services", GRAPH):
        yield (
            f"RagOps-cluster/{logical(name)}HostRole",
            (
                "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
                "AmazonEC2ContainerServiceforEC2Role]"
            ),
            "The ECS agent's own policy; tasks cannot take on their host's role.",
        )
        yield (
            f"RagOps-cluster/{logical(name)}Group",
            "AS3",
            "Alarms are on tasks: a host that comes or goes is everyday work.",
        )
    yield (
        f"RagOps-cluster/{logical(GRAPH)}HostRole",
        _wildcard("ec2", "instance/*"),
        "A host's id is not known before it starts; a condition on its name tag limits it.",
    )


def _tasks() -> Iterator[Acknowledged]:
    for name, stack in (*((image, "services") for image in IMAGES), ("migrate", "cluster")):
        task, role = (f"RagOps-{stack}/{logical(name)}{part}" for part in ("Task", "StartRole"))
        yield task, "ECS2", "Plain variables hold no secret; secrets come from Secrets Manager."
        yield role, "IAM5[Resource::*]", _NO_LEVEL
        yield (
            role,
            _wildcard("logs", f"log-group:{log_group(name)}:log-stream:*"),
            "ECS names a log stream for each task; the group is the service's own.",
        )
    yield (
        "RagOps-network/FlowLogRole",
        _wildcard("logs", f"log-group:/{SYSTEM}/network:*"),
        "EC2 names a log stream for each network interface.",
    )


def _deployer() -> Iterator[Acknowledged]:
    path = "RagOps-deployer/Role"
    yield path, "IAM5[Resource::*]", _NO_LEVEL
    for stack in ("cluster", "services", "network", "messages", "stores", "watch"):
        yield (
            path,
            _wildcard("cloudformation", f"stack/RagOps-{stack}/*"),
            "A stack's ARN ends in an id that CloudFormation chooses.",
        )
    for resource in ("service/ragops*", "task/ragops*", "task-definition/ragops*"):
        yield path, _wildcard("ecs", resource), "Revisions and tasks get their ids from ECS."
    yield (
        path,
        f"IAM5[Resource::arn:<AWS::Partition>:iam::<AWS::AccountId>:role/{SYSTEM}-*]",
        "The roles of its tasks, which only ECS tasks may be given.",
    )
