"""N-1 beside N on the same queues and stores, as during each rollout and after a rollback."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio

from contracts.topology import QUEUES, SERVICES, TURNS_TABLE
from shared.testing.probe import until
from tests.deploy.conftest import Rollout, answering
from tests.deploy.previous import Previous, beside, build_previous, scale, tasks_well
from tests.e2e.person import Person

WORKERS = tuple(name for name in SERVICES if name != "gateway")
READY_S = 120.0


@dataclass
class Work:
    """What went through the gateways: documents by id, turns by id."""

    documents: set[str] = field(default_factory=set)
    turns: set[str] = field(default_factory=set)

    async def do(self, person: Person, valve: str, bar: str) -> None:
        """A document that becomes ready, and a question that is answered with its citation."""
        body = f"# Valve {valve}\n\nThe valve {valve} opens at {bar} bar.".encode()
        document = await person.upload(f"{valve}.md", body)
        self.documents.add(document)
        shown = await person.until_final(document, READY_S)
        assert shown["status"] == "ready", shown

        async def answered() -> bool:
            # A leg that is late on a busy machine is left out, and `degraded` says so.
            turn = await person.ask(f"At how many bar does the valve {valve} open?")
            assert turn.names()[-1] == "done"
            self.turns.add(turn.one("meta")["turn_id"])
            if turn.one("meta")["degraded"]:
                return False
            assert f"{bar} bar" in turn.text
            assert document in {one["document_id"] for one in turn.one("citations")}
            return True

        await until(answered, READY_S, 1)


@pytest_asyncio.fixture(loop_scope="session")
async def previous(rollout: Rollout) -> AsyncIterator[Previous]:
    began = time.monotonic()
    await asyncio.to_thread(build_previous)
    rollout.took["images of N-1"] = time.monotonic() - began
    async with beside(rollout) as made:
        yield made


async def test_nothing_is_lost_while_two_releases_share_the_queues(
    rollout: Rollout, previous: Previous, person: Person
) -> None:
    dead, work = dead_letters(rollout), Work()
    began = time.monotonic()
    token = person.http.headers["Authorization"].removeprefix("Bearer ")
    async with Person.at(previous.url, token, person.tenant) as earlier:
        # These workers with the gateway before them: a rollout before its last step.
        await previous.start(["gateway"])
        await until(lambda: answering(previous.url), READY_S, 0.2)
        await work.do(earlier, "E-1", "3.1")
        # Two tasks of each service: any of them may take a message of either gateway.
        await previous.start(WORKERS)
        await asyncio.gather(
            work.do(person, "N-2", "2.2"),
            work.do(earlier, "E-2", "3.2"),
            work.do(person, "N-3", "2.3"),
            work.do(earlier, "E-3", "3.3"),
        )
        # This gateway with the workers before it: they were rolled back.
        await scale(rollout, WORKERS, 0)
        for name in WORKERS:
            await tasks_well(rollout, name, 1)
        await work.do(person, "N-4", "2.4")
        assert await ready_documents(earlier) == await ready_documents(person) == work.documents
    await until(lambda: asyncio.to_thread(remembered, rollout, person, work.turns), READY_S, 0.5)
    await until(lambda: asyncio.to_thread(archived, rollout, person, work.turns), READY_S, 0.5)
    assert dead_letters(rollout) == dead
    rollout.took["mixed versions"] = time.monotonic() - began


async def ready_documents(person: Person) -> set[str]:
    listed = await person.http.get("/v1/documents", params={"state": "ready"})
    return {one["document_id"] for one in listed.json()["documents"]}


def remembered(rollout: Rollout, person: Person, turns: set[str]) -> bool:
    """Each turn once, and no other."""
    found = rollout.host.client("dynamodb").scan(TableName=TURNS_TABLE)["Items"]
    own = [one for one in found if one["conversation"]["S"].startswith(f"{person.tenant}#")]
    kept = [one["turn_id"]["S"] for one in own if "question" in one]
    return sorted(kept) == sorted(turns)


def archived(rollout: Rollout, person: Person, turns: set[str]) -> bool:
    (box,) = rollout.ecs.definition("finetune_export")["containerDefinitions"]
    told = {one["name"]: one["value"] for one in box["environment"]}
    where: dict[str, Any] = {"Bucket": told["RAGOPS_ARCHIVE_BUCKET"]}
    listed = rollout.host.client("s3").list_objects_v2(**where, Prefix=f"turns/{person.tenant}/")
    keys = [one["Key"] for one in listed.get("Contents", [])]
    return sorted(key.rpartition("/")[2].removesuffix(".json") for key in keys) == sorted(turns)


def dead_letters(rollout: Rollout) -> dict[str, int]:
    """By queue: a test before may have left some."""
    sqs = rollout.host.client("sqs")

    def waiting(name: str) -> int:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        told = sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(told["Attributes"]["ApproximateNumberOfMessages"])

    return {queue.dead_letters: waiting(queue.dead_letters) for queue in QUEUES.values()}
