"""The sizes in which RagOps is deployed, as data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

# Interface endpoints. Without a NAT gateway nothing else of AWS can be reached. A task's
# credentials come from the ECS agent: no endpoint for STS. finetune_export asks KMS itself, for
# users' keys; it trains through `bedrock`,
# and where the profile names `hub_models` or `images` through `sagemaker.api` too.
ENDPOINTS = (
    *("ecs", "ecs-agent", "ecs-telemetry", "ec2", "ecr.api", "ecr.dkr", "logs"),
    *("kms", "secretsmanager", "sqs", "sns", "bedrock", "bedrock-runtime", "bedrock-agent-runtime"),
)


@dataclass(frozen=True)
class Task:
    """One task of a service: its share of a host, and how many run.

    `cpu` is in units of a thousandth core, more or less: 1,024 are one. `memory_mib` is the limit
    at which the container is ended. `tmp_mib` is the size of /tmp, which counts as memory.
    """

    cpu: int
    memory_mib: int
    tmp_mib: int
    low: int
    high: int


@dataclass(frozen=True)
class Models:
    """Bedrock's models by use: ids, or ids of inference profiles such as `us.amazon.…`.

    `tenants` are those that tenants may be given beside those of `answer`; `trained` may be
    fine-tuned, by their ids for training. `hub_models` are those that SageMaker trains serverless:
    by base model, the ARN of the hub content and USD per million tokens. `images` in ECR train on a
    machine, by base model too; they are of the region in which the system is deployed.
    """

    answer: tuple[str, ...] = ("amazon.nova-lite-v1:0", "amazon.nova-micro-v1:0")
    embedding: str = "amazon.titan-embed-text-v2:0"
    rerank: str | None = "amazon.rerank-v1:0"
    condense: str | None = None
    summarise: str | None = None
    facts: str | None = None
    entities: str | None = None
    tenants: tuple[str, ...] = ()
    trained: tuple[str, ...] = ("amazon.nova-micro-v1:0:128k", "amazon.nova-lite-v1:0:300k")
    hub_models: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)

    def of(self, use: str) -> Iterator[str]:
        """The models of a use of contracts/topology.py (MODEL_USES)."""
        if use == "answer":
            yield from (*self.answer, *self.tenants)
            return
        model: str | None = getattr(self, use)
        if model is not None:
            yield model


@dataclass(frozen=True)
class Profile:
    """One size of the whole system. Storage is in GiB, `backup_days` is of automatic backups.

    `way_out` is how tasks reach AWS: through one NAT gateway, or through interface endpoints in
    each zone without any way to the internet (docs/adr/0036).
    """

    name: str
    way_out: Literal["nat", "endpoints"]
    tasks: Mapping[str, Task]
    hosts_low: int
    hosts_high: int
    database_class: str
    database_gib: int
    database_two_zones: bool
    redis_class: str
    # Nodes of each Redis role; two are a primary and its replica in the other zone.
    cache_nodes: int
    ledger_nodes: int
    search_class: str
    search_nodes: int
    search_gib: int
    graph_class: str
    graph_gib: int
    budget_usd: int
    host_class: str = "m5.large"
    graph_memory_mib: int = 3072
    search_version: str = "OpenSearch_3.1"
    backup_days: int = 14
    log_days: int = 30
    # SenderIds of S3's notifications, where ingestion's list lacks the region's (docs/deploy.md).
    s3_senders: tuple[str, ...] = ()
    models: Models = field(default_factory=Models)

    @property
    def endpoints(self) -> tuple[str, ...]:
        sagemaker = self.models.hub_models or self.models.images
        return (*ENDPOINTS, *(("sagemaker.api",) if sagemaker else ()))


SMALL = Profile(
    name="small",
    way_out="nat",
    tasks={
        "gateway": Task(cpu=512, memory_mib=768, tmp_mib=256, low=1, high=4),
        "retrieval": Task(cpu=384, memory_mib=768, tmp_mib=64, low=1, high=4),
        "memory": Task(cpu=256, memory_mib=512, tmp_mib=64, low=1, high=2),
        "ingestion": Task(cpu=512, memory_mib=1792, tmp_mib=256, low=1, high=4),
        "finetune_export": Task(cpu=128, memory_mib=512, tmp_mib=64, low=1, high=2),
    },
    hosts_low=2,
    hosts_high=4,
    database_class="db.t4g.micro",
    database_gib=20,
    database_two_zones=False,
    redis_class="cache.t4g.micro",
    cache_nodes=1,
    ledger_nodes=1,
    search_class="t3.medium.search",
    search_nodes=1,
    search_gib=20,
    graph_class="t3.medium",
    graph_gib=20,
    budget_usd=500,
)
STANDARD = Profile(
    name="standard",
    way_out="endpoints",
    tasks={
        "gateway": Task(cpu=1024, memory_mib=1024, tmp_mib=512, low=2, high=12),
        "retrieval": Task(cpu=1024, memory_mib=1024, tmp_mib=64, low=2, high=12),
        "memory": Task(cpu=512, memory_mib=512, tmp_mib=64, low=2, high=6),
        "ingestion": Task(cpu=1024, memory_mib=2560, tmp_mib=512, low=2, high=16),
        "finetune_export": Task(cpu=256, memory_mib=512, tmp_mib=64, low=2, high=4),
    },
    hosts_low=4,
    hosts_high=16,
    database_class="db.m6g.large",
    database_gib=100,
    database_two_zones=True,
    redis_class="cache.m7g.large",
    cache_nodes=2,
    ledger_nodes=2,
    search_class="r6g.large.search",
    search_nodes=2,
    search_gib=100,
    graph_class="m5.large",
    graph_gib=100,
    graph_memory_mib=7168,
    budget_usd=3000,
    backup_days=35,
    log_days=90,
)
PROFILES: Mapping[str, Profile] = {one.name: one for one in (SMALL, STANDARD)}
