"""compose.yaml by podman-compose: a question is answered, and nothing is left when it is down.

The stores' images are not on this machine: their containers sleep, and the services are led to the
servers of the host. The services' images, commands, limits and the start are compose.yaml's own.
"""

import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
import yaml

from compose.containers.images import DEBIAN_BASE
from compose.containers.podman import environment, run
from compose.local.layout import REPOSITORY
from compose.local.ports import free_ports
from contracts.topology import SERVICES
from shared.testing.probe import until
from tests.deploy.conftest import Rollout, answering
from tests.deploy.host import Host
from tests.deploy.rolling import search_stores
from tests.e2e.person import Person

FILE = REPOSITORY / "compose" / "compose.yaml"
STORES = ("aws", "redis", "postgres", "opensearch", "neo4j")
UP_S = 180.0
PROJECT = "ragops-test"
_LINK = re.compile(r"Open (\S+)/#token=(\S+)")


def overrides(host: Host, port: int, bedrock_port: int) -> dict[str, Any]:
    """Everything on the host's network, with the host's servers, beside another system there."""
    plan, own = host.plan, host.layout.secrets()
    every = {
        "RAGOPS_AWS_ENDPOINT_URL": plan.aws_url,
        "RAGOPS_BEDROCK_ENDPOINT_URL": f"http://127.0.0.1:{bedrock_port}",
        "RAGOPS_NAME_PREFIX": "composed-",
    }
    redis = f"redis://127.0.0.1:{plan.valkey_port}/0"
    told = {
        "gateway": {
            "RAGOPS_PORT": str(port),
            "RAGOPS_REDIS_CACHE_URL": redis,
            "RAGOPS_REDIS_LEDGER_URL": redis,
        },
        "retrieval": search_stores(plan),
        "ingestion": {
            "RAGOPS_DATABASE_HOST": "127.0.0.1",
            "RAGOPS_DATABASE_PORT": str(plan.postgres_port),
            "RAGOPS_DATABASE_PASSWORD": own.postgres_password,
        },
        "start": {
            "START_REDIS": f"127.0.0.1:{plan.valkey_port}",
            "START_GATEWAY": f"http://127.0.0.1:{port}",
        },
    }
    network = {"network_mode": "host"}
    services: dict[str, Any] = {
        name: network | {"environment": every | dict(told.get(name, {}))}
        for name in (*SERVICES, "start")
    }
    command = ["python", "-m", "compose.local.bedrock", "--port", str(bedrock_port)]
    services["bedrock"] = network | {"command": [*command, "--state", "/tmp/bedrock"]}
    sleeping = network | {"image": DEBIAN_BASE, "command": ["sleep", "infinity"]}
    return {"services": services | dict.fromkeys(STORES, sleeping)}


@pytest_asyncio.fixture(loop_scope="session")
async def composed(rollout: Rollout, tmp_path: Path) -> AsyncIterator[str]:
    """The gateway's address. The stores are those of the rollout."""
    port, bedrock_port = free_ports(2)
    other = tmp_path / "host.yaml"
    other.write_text(json.dumps(overrides(rollout.host, port, bedrock_port)))
    given = {
        "PORT": str(port),
        "RAGOPS_TOKEN_SECRET": secrets.token_urlsafe(36),
        "RAGOPS_REDIS_PASSWORD": rollout.host.layout.secrets().valkey_password,
    }
    program = str(Path(sys.executable).with_name("podman-compose"))
    # A project of its own: what a developer has in `ragops` stays.
    files = [program, "-p", PROJECT, "-f", str(FILE), "-f", str(other)]

    def told(*verb: str) -> None:
        done = subprocess.run(
            [*files, *verb],
            env={**os.environ, **environment(), **given},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    await asyncio.to_thread(told, "up", "--detach")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await asyncio.to_thread(told, "down", "--volumes", "--timeout", "10")
        mine = f"label=io.podman.compose.project={PROJECT}"
        assert run("ps", "--all", "--quiet", "--filter", mine) == ""


async def test_a_question_is_answered_by_composed_containers(composed: str) -> None:
    await until(lambda: answering(composed), UP_S, 0.5)

    async def link() -> re.Match[str] | None:
        return _LINK.search(await asyncio.to_thread(run, "logs", f"{PROJECT}_start_1"))

    found = await until(link, UP_S, 0.5)
    assert found[1] == composed
    async with Person.at(composed, found[2], "demo") as person:
        document = await person.upload("crane.md", b"# Crane\n\nThe crane K-2 lifts 12 tonnes.")
        assert (await person.until_final(document))["status"] == "ready"
        turn = await person.ask("How many tonnes does the crane K-2 lift?")
    assert "12 tonnes" in turn.text
    assert {one["document_id"] for one in turn.one("citations")} == {document}


def test_every_service_and_every_store_is_in_it() -> None:
    composed = yaml.safe_load(FILE.read_text())["services"]
    assert set(composed) == {*SERVICES, *STORES, "bedrock", "start"}
    for name in SERVICES:
        assert composed[name]["read_only"]
        assert composed[name]["cap_drop"] == ["ALL"]
