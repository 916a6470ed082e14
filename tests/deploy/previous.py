"""The release before, N-1: its images, and its tasks beside those of this one."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from compose.containers.images import build, image
from compose.local.layout import REPOSITORY
from compose.local.ports import free_ports
from contracts.topology import SERVICES
from shared.testing.probe import until
from tests.deploy.conftest import Rollout, answering
from tests.deploy.rolling import healthy

TAG = "previous"
UP_S = 180.0
# What a release consists of.
_CODE = ("contracts", "services", "shared")


def previous_commit(repository: Path = REPOSITORY) -> str | None:
    """The commit in RAGOPS_PREVIOUS, else the newest one whose services differ from these.

    None where the clone does not reach back so far.
    """
    if told := os.environ.get("RAGOPS_PREVIOUS"):
        return _git(repository, "rev-parse", "--verify", f"{told}^{{commit}}")
    changed = _git(repository, "log", "-1", "--first-parent", "--format=%H", "--", *_CODE)
    try:
        return _git(repository, "rev-parse", "--verify", "--quiet", f"{changed}^1")
    except subprocess.CalledProcessError:
        return None


def _git(repository: Path, *command: str) -> str:
    words = ["git", "-C", str(repository), *command]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def build_previous() -> None:
    commit = previous_commit()
    if commit is None:
        print("This clone has no history: N-1 is built from the same files as N.")
    else:
        print(f"N-1 is {commit}.")
    build(SERVICES, docker=False, commit=commit, tag=TAG)


@dataclass
class Previous:
    """Tasks of N-1, of each service one at most; `url` is its gateway."""

    rollout: Rollout
    url: str
    tasks: dict[str, str] = field(default_factory=dict)

    async def start(self, names: Sequence[str]) -> None:
        """Returns when each is healthy beside the task of N."""
        port = self.url.rpartition(":")[2]
        for name in names:
            task = self.rollout.ecs.definition(name)
            (box,) = task["containerDefinitions"]
            box["image"] = image(name, TAG)
            if name == "gateway":
                others = [one for one in box["environment"] if one["name"] != "RAGOPS_PORT"]
                box["environment"] = [*others, {"name": "RAGOPS_PORT", "value": port}]
            self.tasks[name] = await asyncio.to_thread(self.rollout.ecs.start, task)
        for name in names:
            await tasks_well(self.rollout, name, 2)

    async def stop(self) -> None:
        stops = (asyncio.to_thread(self.rollout.ecs.stop, arn) for arn in self.tasks.values())
        await asyncio.gather(*stops)


async def scale(rollout: Rollout, names: Sequence[str], count: int) -> None:
    """Of N."""
    each = (asyncio.to_thread(rollout.ecs.scale, name, count) for name in names)
    await asyncio.gather(*each)


async def tasks_well(rollout: Rollout, name: str, count: int) -> None:
    """So many tasks run, of N and N-1 together, and all are healthy."""

    async def so() -> bool:
        containers = await asyncio.to_thread(rollout.ecs.running, name)
        if len(containers) != count:
            return False
        return all([await asyncio.to_thread(healthy, one) for one in containers])

    await until(so, UP_S, 0.2)


@asynccontextmanager
async def beside(rollout: Rollout) -> AsyncIterator[Previous]:
    """Nothing of N-1 runs yet; afterwards N runs alone, one task of each service."""
    (port,) = free_ports(1)
    made = Previous(rollout, f"http://127.0.0.1:{port}")
    try:
        yield made
    finally:
        await asyncio.gather(made.stop(), scale(rollout, SERVICES, 1))
        for name in SERVICES:
            await tasks_well(rollout, name, 1)
        await until(lambda: answering(rollout.url), UP_S, 0.2)
