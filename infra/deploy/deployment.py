"""The order of a deploy: what must stand before what, and what is asked before each step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cost import Row
from infra.deploy.changes import Say, Stacks
from infra.deploy.failures import DeployFailed
from infra.deploy.steps import Tasks
from infra.names import digest_parameter
from infra.stack_names import AFTER_STORES, BEFORE_IMAGES

_LEDGER = ("python", "-m", "services.gateway.rebuild_ledger")


@dataclass(frozen=True)
class Wanted:
    """What a person asked for. `digests` looks the images up once ECR is there."""

    folder: Path
    digests: Callable[[], Mapping[str, str]]
    certificate: str
    email: str


class Deployment:
    """`ask` gets what would change and says whether it may."""

    def __init__(self, stacks: Stacks, tasks: Tasks, ask: Callable[[str], bool], say: Say) -> None:
        self._stacks, self._tasks, self._ask, self._say = stacks, tasks, ask, say

    def deploy(self, wanted: Wanted) -> str:
        """The system's address. Raises DeployFailed; what was done until then stays."""
        for stack in BEFORE_IMAGES:
            self._change(stack, {}, wanted.folder)
        certificate = _given(CertificateArn=wanted.certificate)
        self._roll(wanted.digests(), certificate, wanted.folder)
        self._change("RagOps-watch", _given(AlarmEmail=wanted.email), wanted.folder)
        return self._stacks.outputs("RagOps-services")["Url"]

    def roll(self, digests: Mapping[str, str]) -> str:
        """Other images in stacks that stay as they are: a deploy's usual case, and a roll-back."""
        if not self._stacks.is_there("RagOps-services"):
            raise DeployFailed("Nothing is deployed yet: run make deploy first.")
        self._roll(digests, {}, None)
        return self._stacks.outputs("RagOps-services")["Url"]

    def _roll(
        self, digests: Mapping[str, str], parameters: Mapping[str, str], folder: Path | None
    ) -> None:
        """The tables first; then services whose new tasks must stay up, or ECS goes back."""
        images = {digest_parameter(name): digest for name, digest in digests.items()}
        ingestion = digest_parameter("ingestion")
        self._change("RagOps-cluster", {ingestion: images[ingestion]}, folder)
        places = self._stacks.outputs("RagOps-cluster")
        self._tasks.run("ragops-migrate", _network(places, "IngestionGroup"))
        self._change("RagOps-services", {**images, **parameters}, folder)
        if folder is not None:
            # A new ledger is closed until its sums are made. It may be new after a deploy that was
            # broken off too; what is counted already changes nothing.
            network = _network(places, "GatewayGroup")
            self._tasks.run("ragops-gateway", network, container="gateway", command=_LEDGER)

    def _change(self, stack: str, parameters: Mapping[str, str], folder: Path | None) -> None:
        template = folder / f"{stack}.template.json" if folder else None
        plan = self._stacks.plan(stack, parameters, template)
        if not plan.changes:
            self._say(f"{stack}: nothing changes.")
            return
        shown = "\n".join(f"  {line}" for line in plan.changes)
        if not self._ask(f"{stack}: {len(plan.changes)} changes\n{shown}"):
            self._stacks.drop(plan)
            raise DeployFailed(f"{stack} was left as it is. What was deployed before it stays.")
        self._stacks.apply(plan)

    def destroy(self, release_hosts: Callable[[], None]) -> None:
        """Takes away what runs. Stores, queues and network stay, with what is in them."""
        there = [name for name in reversed(AFTER_STORES) if self._stacks.is_there(name)]
        if not there:
            raise DeployFailed("Nothing runs: none of the stacks that could be removed is there.")
        listed = ", ".join(there)
        if not self._ask(f"{listed} will be deleted. Stores, queues and network stay."):
            raise DeployFailed("Nothing was deleted.")
        for name in there:
            if name == "RagOps-cluster":
                release_hosts()
            self._stacks.delete(name)


def _given(**parameters: str) -> dict[str, str]:
    """Those that a person gave; the others stay as they were."""
    return {name: value for name, value in parameters.items() if value}


def price_of(rows: list[Row]) -> str:
    total = sum(row.usd for row in rows)
    dearest = ", ".join(f"{row.service} {row.usd:.0f}" for row in rows[:4])
    return f"About {total:.0f} USD a month at list prices, unverified: {dearest}, …"


def _network(places: Mapping[str, str], group: str) -> dict[str, Any]:
    return {
        "subnets": places["TaskSubnets"].split(","),
        "securityGroups": [places[group]],
        "assignPublicIp": "DISABLED",
    }
