"""A tenant at its limit: refused, its documents wait, then all goes on; and a lost ledger."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from redis.asyncio import Redis

from compose.local.environment import child_environment
from compose.local.layout import REPOSITORY
from compose.local.parts.services import environment_of
from compose.local.parts.valkey import valkey_url
from compose.local.system import System
from shared.testing.probe import until
from tests.e2e.person import Person

TEXT = b"The lighthouse at Cape Wren is 41 metres high."
QUESTION = "How high is the lighthouse at Cape Wren?"


async def limit(person: Person, **limits: Any) -> None:
    url = f"/v1/admin/tenants/{person.tenant}"
    answer = await person.http.put(url, json={"limits": limits})
    assert answer.status_code == 200, answer.text


async def spent(person: Person) -> int:
    answer = await person.http.get("/v1/usage")
    assert answer.status_code == 200, answer.text
    total = answer.json()["total"]
    return int(total["input_tokens"]) + int(total["output_tokens"])


@pytest_asyncio.fixture(loop_scope="session")
async def redis(system: System) -> AsyncIterator[Redis]:
    secrets = system.layout.secrets()
    client = Redis.from_url(valkey_url(system.plan.valkey_port, secrets.valkey_password))
    yield client
    await client.aclose()


async def test_at_its_limit_a_tenant_waits_until_it_is_raised(person: Person) -> None:
    await person.until_final(await person.upload("cape.txt", TEXT))
    assert "41" in (await person.ask(QUESTION)).text
    await until(lambda: spent(person), 30, 0.2)
    await limit(person, tokens_month=5)
    answer, _ = await person.chat(QUESTION)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["limit"]) == (402, "budget_reached", 5)
    assert problem["used"] > 5

    names = iter(range(10_000))

    async def waits() -> str | None:
        """Until ingestion has heard of it, documents are still read."""
        document_id = await person.upload(f"more-{next(names)}.txt", TEXT)
        for _ in range(5):
            shown = await person.document(document_id)
            if shown.get("waiting_for"):
                return document_id
            await asyncio.sleep(0.1)
        return None

    waiting: str = await until(waits, 30, 0.2)
    assert (await person.document(waiting))["status"] == "accepted"
    await limit(person)
    assert (await person.until_final(waiting))["status"] == "ready"
    assert "41" in (await person.ask(QUESTION)).text


async def test_a_lost_ledger_refuses_until_it_is_rebuilt_from_the_archive(
    person: Person, system: System, redis: Redis
) -> None:
    await person.until_final(await person.upload("cape.txt", TEXT))
    await limit(person, tokens_month=10**9)
    for _ in range(2):
        await person.ask(QUESTION)

    async def settled() -> int:
        """The sum when no event is on its way any more."""
        before = await spent(person)
        await asyncio.sleep(0.5)
        return before if before and before == await spent(person) else 0

    before: int = await until(settled, 30, 0.2)
    keys = await redis.keys(f"*{{{person.tenant}}}*")
    assert len(keys) > 3
    await redis.delete(*keys)
    # The gateway knows the settings for two seconds more, but holds nothing without sums.
    answer, _ = await person.chat(QUESTION)
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger_missing")

    async def rebuilt() -> bool:
        """Again while the archive is behind."""
        await _rebuild(system)
        return await spent(person) >= before

    await until(rebuilt, 60, 0.5)
    assert await spent(person) == before
    shown = (await person.http.get(f"/v1/admin/tenants/{person.tenant}")).json()
    assert shown["limits"]["tokens_month"] == 10**9
    assert "41" in (await person.ask(QUESTION)).text


async def _rebuild(system: System) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.gateway.rebuild_ledger"),
        env=child_environment(environment_of(system.plan, system.layout)),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
