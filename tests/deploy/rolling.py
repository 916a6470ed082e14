"""The synthesised task definitions as real containers, behind the emulator's ECS.

What a task definition says stays, but for what this machine has not: a network for each task, the
images' registry, and the addresses of managed stores, models and their logins.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from compose.containers.images import image
from compose.containers.podman import run
from compose.local.plan import REAL, Plan
from compose.local.real.neo4j.node import url as neo4j_url
from compose.local.real.opensearch.node import url as opensearch_url
from tests.deploy.host import Host
from tests.deploy.stacks import Deployed, Json

CLUSTER = "ragops"
LOCAL = "127.0.0.1"
_MODELS = {
    "RAGOPS_EMBEDDING_MODEL": "local.minilm-l6-v2",
    "RAGOPS_EMBEDDING_DIMENSION": "384",
    "RAGOPS_RERANK_MODEL": "local.maxsim-v1",
    "RAGOPS_ANSWER_MODELS": '["local.extractive-v1"]',
}


def replaced(host: Host, database_password: str) -> dict[str, Mapping[str, str]]:
    """By service: variables that take the place of the synthesised ones."""
    plan = host.plan
    every = {**_MODELS, "RAGOPS_BEDROCK_ENDPOINT_URL": plan.bedrock_url, "RAGOPS_POLL_WAIT_S": "2"}
    redis = f"redis://{LOCAL}:{plan.valkey_port}/0"
    database = {"RAGOPS_DATABASE_HOST": LOCAL, "RAGOPS_DATABASE_PORT": str(plan.postgres_port)}
    login = {
        "RAGOPS_DATABASE_AUTH": "password",
        "RAGOPS_DATABASE_PASSWORD": database_password,
    }
    return {
        "gateway": every
        | {
            "RAGOPS_PORT": str(plan.port),
            "RAGOPS_REDIS_CACHE_URL": redis,
            "RAGOPS_REDIS_LEDGER_URL": redis,
        },
        "retrieval": every | search_stores(plan),
        "memory": every,
        "finetune_export": every,
        # No token of an emulated account opens this PostgreSQL.
        "ingestion": every
        | database
        | login
        | {
            # The emulator knows no identities: whoever reaches it is the operator.
            "RAGOPS_SENDERS": '{"*": ["*"]}',
            "RAGOPS_S3_SENDERS": '["*"]',
        },
        "migrate": database | login,
    }


def search_stores(plan: Plan) -> dict[str, str]:
    if plan.stores != REAL:
        return {"RAGOPS_SEARCH_STORE": "sqlite"}
    return {
        "RAGOPS_OPENSEARCH_URL": opensearch_url(plan.opensearch_port),
        "RAGOPS_NEO4J_URL": neo4j_url(plan.neo4j_port),
    }


@dataclass(frozen=True)
class Ecs:
    """The cluster of the stacks."""

    client: Any
    secrets: Mapping[str, str]
    deployed: Deployed
    variables: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(
        cls, host: Host, deployed: Deployed, variables: Mapping[str, Mapping[str, str]]
    ) -> "Ecs":
        listed = host.client("secretsmanager").list_secrets(MaxResults=100)["SecretList"]
        arns = {one["Name"]: one["ARN"] for one in listed}
        return cls(host.client("ecs"), arns, deployed, variables)

    def definition(self, name: str) -> Json:
        """As synthesised, with what this machine has."""
        stack = "cluster" if name == "migrate" else "services"
        found = [
            one["Properties"]
            for one in self.deployed.templates[stack]["Resources"].values()
            if one["Type"] == "AWS::ECS::TaskDefinition"
            and one["Properties"]["Family"] == f"ragops-{name}"
        ]
        (properties,) = found
        task: Json = _camel(self.deployed.resolved(stack, properties)) | {"networkMode": "host"}
        task.pop("tags", None)
        # The migration's other container makes the database user, with RDS' certificate.
        (box,) = (one for one in task["containerDefinitions"] if one["name"] == name)
        task["containerDefinitions"] = [box]
        box.pop("dependsOn", None)
        box["image"] = image("ingestion" if name == "migrate" else name)
        box.pop("portMappings", None)  # the host's network has none
        told = {pair["name"]: pair["value"] for pair in box["environment"]}
        told |= self.variables.get(name, {})
        box["environment"] = [{"name": key, "value": value} for key, value in told.items()]
        for secret in box.get("secrets", []):
            # The emulator refers to a secret by its name, AWS by its ARN.
            secret_name, _, rest = secret["valueFrom"].partition(":")
            if secret_name in self.secrets:
                secret["valueFrom"] = self.secrets[secret_name] + (f":{rest}" if rest else "")
        return task

    def register(self, task: Json) -> str:
        made = self.client.register_task_definition(**task)["taskDefinition"]
        return str(made["taskDefinitionArn"])

    def roll_out(self, name: str, task: Json | None = None) -> str:
        arn = self.register(task or self.definition(name))
        self.client.update_service(
            cluster=CLUSTER, service=name, taskDefinition=arn, desiredCount=1
        )
        return arn

    def scale(self, name: str, count: int) -> None:
        self.client.update_service(cluster=CLUSTER, service=name, desiredCount=count)

    def start(self, task: Json) -> str:
        """A task of its own, which no service replaces; its ARN."""
        arn = self.register(task)
        (made,) = self.client.run_task(cluster=CLUSTER, taskDefinition=arn, launchType="EC2")[
            "tasks"
        ]
        return str(made["taskArn"])

    def stop(self, arn: str) -> None:
        self.client.stop_task(cluster=CLUSTER, task=arn)

    def run_to_end(self, name: str, within_s: float = 60) -> int:
        """A task of its own; its container's exit code."""
        arn = self.start(self.definition(name))
        ended = self._until(lambda: self._stopped(arn), within_s)
        (container,) = ended["containers"]
        return int(container.get("exitCode", -1))

    def service(self, name: str) -> Json:
        (found,) = self.client.describe_services(cluster=CLUSTER, services=[name])["services"]
        return dict(found)

    def running(self, name: str) -> list[str]:
        """Containers of a service, by podman's word, which does not flatter."""
        told = run(
            "ps",
            "--filter",
            f"label=com.amazonaws.ecs.container-name={name}",
            "--format",
            "{{.ID}}",
        )
        return told.split()

    def _stopped(self, arn: str) -> Json | None:
        (task,) = self.client.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"]
        return dict(task) if task["lastStatus"] == "STOPPED" else None

    @staticmethod
    def _until(found: Callable[[], Json | None], within_s: float) -> Json:
        deadline = time.monotonic() + within_s
        while (value := found()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {within_s:.0f} s")
            time.sleep(0.1)
        return value


def healthy(container: str) -> bool:
    """The container's own health check, as its task definition names it."""
    try:
        run("exec", container, "python", "-m", "shared.health")
    except Exception:  # noqa: BLE001 (whatever is wrong, it is not healthy)
        return False
    return True


def _camel(value: Any) -> Any:
    """CloudFormation's spelling to the API's: `ContainerDefinitions` is `containerDefinitions`."""
    if isinstance(value, list):
        return [_camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key if "-" in key else key[:1].lower() + key[1:]: _camel(one) for key, one in value.items()
    }
