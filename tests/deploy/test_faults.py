"""Killed tasks, more tasks, bad images: nothing that was accepted is lost."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest_asyncio

from compose.containers.podman import run
from shared.testing.probe import until
from tests.deploy.conftest import Rollout, answering
from tests.deploy.rolling import healthy
from tests.e2e.person import Person

BACK_S = 120.0
# A rollout that the emulator calls complete must hold for so long.
STABLE_S = 5.0


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def put_right(rollout: Rollout) -> AsyncIterator[None]:
    """One task of the first definition of each service, whatever a test did to it."""
    yield
    for name, arn in rollout.arns.items():
        service = rollout.ecs.service(name)
        if (service["taskDefinition"], service["desiredCount"]) != (arn, 1):
            rollout.roll_back(name)
    await until(lambda: answering(rollout.url), BACK_S, 0.2)


async def test_a_killed_task_comes_back_and_its_document_becomes_ready(
    rollout: Rollout, person: Person
) -> None:
    (killed,) = rollout.ecs.running("ingestion")
    before = [await person.upload(f"{n}.md", f"Pump {n} turns.".encode()) for n in range(3)]
    began = time.monotonic()
    await asyncio.to_thread(run, "kill", "--signal", "KILL", killed)
    during = await person.upload("during.md", b"# Pump\n\nThe pump P-9 turns at 1450 rpm.")

    async def another() -> bool:
        running = await asyncio.to_thread(rollout.ecs.running, "ingestion")
        return bool(running) and killed not in running and await answering(rollout.url)

    await until(another, BACK_S, 0.1)
    rollout.took["killed task back, answering"] = time.monotonic() - began
    for document in (*before, during):
        assert (await person.until_final(document, BACK_S))["status"] == "ready"
    rollout.took["killed task back, document ready"] = time.monotonic() - began
    assert "1450 rpm" in (await person.ask("At how many rpm does the pump P-9 turn?")).text


async def test_a_service_is_scaled_to_three_and_back(rollout: Rollout, person: Person) -> None:
    began = time.monotonic()
    rollout.ecs.scale("memory", 3)

    async def healthy_tasks() -> int:
        return await asyncio.to_thread(lambda: sum(map(healthy, rollout.ecs.running("memory"))))

    async def three() -> bool:
        return await healthy_tasks() == 3

    await until(three, BACK_S, 0.5)
    rollout.took["scaled to three, all healthy"] = time.monotonic() - began
    first = await person.ask("What do you know?")
    assert first.names()[-1] == "done"
    rollout.ecs.scale("memory", 1)

    async def one() -> bool:
        return await healthy_tasks() == 1

    await until(one, BACK_S, 0.5)


async def test_an_image_that_is_not_there_is_rolled_back_and_the_tasks_before_go_on(
    rollout: Rollout,
) -> None:
    before = rollout.ecs.running("retrieval")
    bad = rollout.ecs.definition("retrieval")
    bad["containerDefinitions"][0]["image"] = "localhost/ragops-retrieval:nowhere"
    began = time.monotonic()
    arn = await asyncio.to_thread(rollout.ecs.roll_out, "retrieval", bad)

    async def rolled_back() -> bool:
        service = await asyncio.to_thread(rollout.ecs.service, "retrieval")
        return bool(service["taskDefinition"] != arn)

    await until(rolled_back, BACK_S, 0.2)
    rollout.took["bad image rolled back"] = time.monotonic() - began
    service = rollout.ecs.service("retrieval")
    assert service["taskDefinition"] == rollout.arns["retrieval"]
    told = " ".join(one["message"] for one in service["events"])
    assert "circuit breaker was triggered" in told
    assert "rolled back to the last completed deployment" in told
    assert rollout.ecs.running("retrieval") == before
    assert await answering(rollout.url)


async def test_a_task_that_dies_later_is_seen_though_the_rollout_says_complete(
    rollout: Rollout, person: Person
) -> None:
    """The word COMPLETED proves nothing: health that holds does."""
    bad = rollout.ecs.definition("memory")
    bad["containerDefinitions"][0]["command"] = ["sh", "-c", "sleep 2; exit 1"]
    arn = await asyncio.to_thread(rollout.ecs.roll_out, "memory", bad)

    async def said_to_be_complete() -> bool:
        service = await asyncio.to_thread(rollout.ecs.service, "memory")
        states = {one["taskDefinition"]: one["rolloutState"] for one in service["deployments"]}
        return states.get(arn) == "COMPLETED"

    await until(said_to_be_complete, BACK_S, 0.1)
    assert not await _stays_healthy(rollout, "memory")
    turn = await person.ask("Is anybody there?")
    assert turn.names()[-1] == "done"  # an accepted turn waits in its queue
    conversation = turn.one("meta")["conversation_id"]
    await asyncio.to_thread(rollout.roll_back, "memory")
    assert rollout.ecs.service("memory")["taskDefinition"] != arn

    async def remembered() -> bool:
        found = await person.http.get(f"/v1/conversations/{conversation}")
        return found.status_code == 200

    await until(remembered, BACK_S, 0.5)
    assert await _stays_healthy(rollout, "memory")


async def _stays_healthy(rollout: Rollout, name: str) -> bool:
    """Whether the same tasks are there and healthy for STABLE_S, once any has been."""
    deadline = time.monotonic() + 2 * STABLE_S + 6
    since, seen = time.monotonic(), set[str]()
    while time.monotonic() < deadline:
        running = set(await asyncio.to_thread(rollout.ecs.running, name))
        well = bool(running) and all(
            [await asyncio.to_thread(healthy, container) for container in sorted(running)]
        )
        if not well or running != seen:
            since, seen = time.monotonic(), running
        if time.monotonic() - since >= STABLE_S:
            return True
    return False
