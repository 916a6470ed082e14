"""What is beside the containers on this machine: stores, the models' stand-in, AWS, podman."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3

from compose.containers.podman import podman, remove_containers
from compose.local.fleet import Fleet, together
from compose.local.layout import Layout
from compose.local.parts.bedrock import bedrock
from compose.local.parts.ministack import ministack
from compose.local.parts.postgres import postgres
from compose.local.parts.search_stores import search_stores
from compose.local.parts.valkey import open_ledger, valkey
from compose.local.plan import MINISTACK, Plan
from compose.local.process_list import ProcessList
from compose.local.progress import Silent
from tests.deploy.stacks import REGION

# The label that the emulator gives to each container it starts.
TASKS = "ministack=ecs"


@dataclass(frozen=True)
class Host:
    """All of it listens on 127.0.0.1."""

    plan: Plan
    layout: Layout
    fleet: Fleet

    def client(self, service: str) -> Any:
        """As the person who deploys, whom the emulator lets do everything."""
        create: Any = boto3.client
        return create(
            service,
            endpoint_url=self.plan.aws_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    async def start_stores(self) -> None:
        """The same as `make run` has."""
        plan, layout, secrets = self.plan, self.layout, self.layout.secrets()
        async with together() as group:
            group.create_task(self.fleet.run(bedrock(layout, plan.bedrock_port)))
            group.create_task(
                self.fleet.run(valkey(layout, plan.valkey_port, secrets.valkey_password))
            )
            for part in await search_stores(layout, plan):
                group.create_task(self.fleet.run(part))
            database = await postgres(layout, plan.postgres_port, secrets.postgres_password)
            group.create_task(self.fleet.run(database))
        await open_ledger(plan.valkey_port, secrets.valkey_password)


@asynccontextmanager
async def hosting(state: Path, stores: str) -> AsyncIterator[Host]:
    """AWS with podman behind it; the services are left to the containers."""
    layout = Layout(state)
    layout.prepare()
    plan = Plan.make(0, 0, MINISTACK, stores=stores)
    fleet = Fleet(layout.logs, ProcessList(layout.processes), Silent())
    socket = state / "podman.sock"
    aws = ministack(layout, plan.aws_port)
    # Its ECS then starts real containers.
    aws = replace(aws, env={**aws.env, "DOCKER_HOST": f"unix://{socket}", "LOG_LEVEL": "INFO"})
    # A run that was killed leaves its tasks, which would count as tasks of this one.
    remove_containers(TASKS)
    try:
        await fleet.run(podman(socket))
        await fleet.run(aws)
        yield Host(plan, layout, fleet)
    finally:
        await fleet.stop(("aws", "bedrock", "valkey", "opensearch", "neo4j", "postgres"))
        await fleet.stop(("podman",))
