"""Containers as strict as their task definitions, which the emulator's ECS does not enforce.

Read-only root, a /tmp of the size given, no capabilities, no new privileges, the task's memory, an
ordinary user: each service comes up healthy, and SIGTERM ends it with 0.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from compose.containers.images import image
from compose.containers.podman import run
from compose.local.ports import free_ports
from contracts.topology import SERVICES
from shared.testing.probe import until
from tests.deploy.conftest import Rollout
from tests.deploy.rolling import healthy

UP_S = 120.0
_MIB = 1024 * 1024


def flags(rollout: Rollout, name: str) -> list[str]:
    """The task definition's words in podman's."""
    (box,) = rollout.ecs.definition(name)["containerDefinitions"]
    linux = box["linuxParameters"]
    assert (box["readonlyRootFilesystem"], linux["capabilities"]["drop"]) == (True, ["ALL"])
    told = ["--network=host", "--read-only", "--read-only-tmpfs=false", "--cap-drop=all"]
    told += [f"--user={box['user']}", f"--memory={box['memory']}m"]
    told += [f"--stop-timeout={box['stopTimeout']}"]
    told += [f"--security-opt={one}" for one in box["dockerSecurityOptions"]]
    told += [f"--tmpfs={one['containerPath']}:size={one['size']}m" for one in linux["tmpfs"]]
    if linux["initProcessEnabled"] and Path("/usr/libexec/podman/catatonit").exists():
        told.append("--init")
    return told


def environment(rollout: Rollout, name: str) -> list[str]:
    """As the running task has it, secrets and role credentials included."""
    (container,) = rollout.ecs.running(name)
    (inspected,) = json.loads(run("inspect", container))
    own = dict(pair.split("=", 1) for pair in inspected["Config"]["Env"])
    if name == "gateway":
        (port,) = free_ports(1)
        own["RAGOPS_PORT"] = str(port)
    return [f"--env={key}={value}" for key, value in own.items()]


@asynccontextmanager
async def strict(rollout: Rollout, name: str) -> AsyncIterator[str]:
    told = [*flags(rollout, name), *environment(rollout, name)]
    container = (await asyncio.to_thread(run, "run", "--detach", *told, image(name))).strip()
    try:
        yield container
    finally:
        await asyncio.to_thread(run, "rm", "--force", "--time", "0", container)


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_lives_within_what_its_task_definition_allows(
    rollout: Rollout, name: str
) -> None:
    async with strict(rollout, name) as container:

        async def well() -> bool:
            return await asyncio.to_thread(healthy, container)

        await until(well, UP_S, 0.3)
        with pytest.raises(Exception, match="Read-only file system"):
            run("exec", container, "touch", "/app/x")
        assert run("exec", container, "id", "-u").strip() == "10001"
        status = run("exec", container, "cat", "/proc/1/status")
        capabilities = [line.split()[1] for line in status.splitlines() if line.startswith("Cap")]
        assert {int(one, 16) for one in capabilities} == {0}
        (inspected,) = json.loads(run("inspect", container))
        process = psutil.Process(inspected["State"]["Pid"])
        used = sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
        rollout.took[f"{name}: idle MB"] = used / _MIB
        began = time.monotonic()
        await asyncio.to_thread(run, "stop", container)
        rollout.took[f"{name}: SIGTERM to exit"] = time.monotonic() - began
        (inspected,) = json.loads(run("inspect", container))
        assert inspected["State"]["ExitCode"] == 0, run("logs", "--tail", "20", container)
