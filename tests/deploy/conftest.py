"""One deployment for all tests of this folder: stacks, then five containers, then people."""

import asyncio
import json
import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from compose.containers.images import image
from compose.containers.podman import run
from compose.local.layout import REPOSITORY
from compose.local.minting import mint_token
from compose.local.parts.postgres import postgres_url
from compose.local.parts.valkey import valkey_url
from compose.local.plan import REAL
from compose.local.probes import answering_services
from contracts.topology import READY_QUEUES, SERVICES
from infra.database_user import USER, make_user
from shared.testing.probe import until
from tests.deploy import rolling
from tests.deploy.host import Host, hosting
from tests.deploy.rolling import CLUSTER, Ecs
from tests.deploy.stacks import Deployed, deploy, read
from tests.e2e.person import Person

HERE = Path(__file__).parent
TEMPLATES = REPOSITORY / "infra" / "out" / "small"
READY_S = 180.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these tests share the loop that supervises the stores."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass
class Rollout:
    """A deployed system; `took` says how long each step was, in seconds."""

    host: Host
    ecs: Ecs
    took: dict[str, float] = field(default_factory=dict)
    # The task definition of each service that is known to be good.
    arns: dict[str, str] = field(default_factory=dict)

    def roll_back(self, name: str) -> None:
        self.ecs.client.update_service(
            cluster=CLUSTER, service=name, taskDefinition=self.arns[name], desiredCount=1
        )

    @property
    def url(self) -> str:
        return self.host.plan.url


@pytest.fixture(scope="session")
def images() -> None:
    """All five are built."""
    known = run("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    missing = [image(name) for name in SERVICES if image(name) not in known]
    assert not missing, f"{', '.join(missing)} not built: make images"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Host]:
    """On OpenSearch and Neo4j, or with RAGOPS_DEPLOY_STORES=embedded on retrieval's own file."""
    stores = os.environ.get("RAGOPS_DEPLOY_STORES", REAL)
    async with hosting(tmp_path_factory.mktemp("deploy") / "state", stores) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def deployed(host: Host) -> Deployed:
    """The stacks, and what the emulator's CloudFormation leaves out of them but its API takes."""
    password = host.layout.secrets().postgres_password
    admin = json.dumps({"username": "postgres", "password": password})
    made = host.client("secretsmanager").create_secret(Name="rds!admin", SecretString=admin)
    # RDS keeps the first user's password in a secret of its own.
    attributes = {"MasterUserSecret.SecretArn": made["ARN"]}
    work = (host.client, host.plan.aws_url, read(TEMPLATES), attributes)
    stacks = await asyncio.to_thread(deploy, *work)
    for name, policy in stacks.of_type("AWS::IAM::RolePolicy").items():
        host.client("iam").put_role_policy(
            RoleName=stacks.resolved("stores", policy["RoleName"]),
            PolicyName=name,
            PolicyDocument=json.dumps(stacks.resolved("stores", policy["PolicyDocument"])),
        )
    return stacks


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def rollout(images: None, host: Host, deployed: Deployed) -> AsyncIterator[Rollout]:
    """Migrated, rolled out, and all five answer over their queues."""
    password = secrets.token_urlsafe(24)
    ecs = Ecs.of(host, deployed, rolling.replaced(host, password))
    made = Rollout(host, ecs)
    await host.start_stores()
    await _give_redis_its_user(host, deployed)
    database = await _make_database(host, password)
    try:
        began = time.monotonic()
        assert await asyncio.to_thread(ecs.run_to_end, "migrate") == 0
        made.took["migrate"] = time.monotonic() - began
        began = time.monotonic()
        for name in SERVICES:
            made.arns[name] = await asyncio.to_thread(ecs.roll_out, name)
        await until(lambda: answering(made.url), READY_S, 0.1)
        made.took["roll out"] = time.monotonic() - began
        yield made
    finally:
        await database.close()
        for name in SERVICES:
            await asyncio.to_thread(ecs.scale, name, 0)
        await until(lambda: not any(map(ecs.running, SERVICES)), 60, 0.2)
        print({name: round(seconds, 1) for name, seconds in made.took.items()})


@pytest_asyncio.fixture(loop_scope="session")
async def person(rollout: Rollout) -> AsyncIterator[Person]:
    """Someone in a tenant of their own, whose token the deployed secret has signed."""
    tenant = f"t{secrets.token_hex(4)}"
    secret = rollout.host.client("secretsmanager").get_secret_value(SecretId="ragops/token-secret")
    token = mint_token(secret["SecretString"], tenant, "ann")
    async with Person.at(rollout.url, token, tenant) as made:
        yield made


async def answering(url: str) -> bool:
    """All five services, over their queues."""
    return await answering_services(url) >= set(READY_QUEUES)


async def _give_redis_its_user(host: Host, deployed: Deployed) -> None:
    """With the password that the stacks made and the rights of ElastiCache's user, no more."""
    [user] = deployed.of_type("AWS::ElastiCache::User").values()
    found = host.client("secretsmanager").get_secret_value(SecretId="ragops/redis-password")
    admin: Any = Redis.from_url(
        valkey_url(host.plan.valkey_port, host.layout.secrets().valkey_password)
    )
    password = f">{found['SecretString']}"
    rights = user["AccessString"].split()
    await admin.execute_command("ACL", "SETUSER", "ragops", password, *rights)
    await admin.aclose()


async def _make_database(host: Host, password: str) -> asyncpg.Connection:
    """As RDS has it when it is new, then what the migration's first container does."""
    url = postgres_url(host.plan.postgres_port, host.layout.secrets().postgres_password)
    server = await asyncpg.connect(url)
    await server.execute(f"CREATE DATABASE {USER}")
    await server.execute("CREATE ROLE rds_iam")
    await server.close()
    database = await asyncpg.connect(url, database=USER)
    await make_user(database)
    await database.execute(f"ALTER ROLE {USER} PASSWORD '{password}'")
    return database
