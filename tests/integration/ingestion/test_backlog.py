"""What waits for a worker, as a cluster's scaling reads it."""

import json

import pytest

from services.ingestion.models.version import Waiting
from services.ingestion.services.working.backlog import BacklogWatch
from services.ingestion.store.backlog import Backlog
from services.ingestion.store.database import Database
from shared.observability import flush_metrics
from shared.periodic import Periodic
from shared.testing.probe import until
from shared.testing.running import running
from tests.integration.ingestion.world import Outages, World


async def test_only_what_a_worker_could_claim_counts(world: World, database: Database) -> None:
    backlog = Backlog(database)
    assert await backlog.waiting() == Waiting(0, 0)
    for name in ("a.txt", "b.txt", "c.txt"):
        await world.offer(name, "Some text.")
    await _aged(database, "a.txt", 90)
    waiting = await backlog.waiting()
    assert waiting.documents == 3
    assert 90 <= waiting.oldest_s < 120
    # One in work, one put off after a failure, and a tenant who waits for money.
    await world.worklist.claim(1)
    assert (await backlog.waiting()).documents == 2
    await _aged(database, "b.txt", -60)
    assert (await backlog.waiting()).documents == 1
    await _waits(database, "acme")
    assert await backlog.waiting() == Waiting(0, 0)


async def test_it_is_published_again_and_again_over_an_outage(
    world: World, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.offer("a.txt", "Some text.")
    await _aged(database, "a.txt", 90)
    away = Outages(database)
    away.faults.left = 2
    watch = Periodic(BacklogWatch(Backlog(away)).publish, 0.01)

    def published() -> list[tuple[float, float]]:
        flush_metrics()
        lines = [json.loads(one) for one in capsys.readouterr().out.splitlines() if one[:1] == "{"]
        return [
            (one["claimable_documents"][0], one["oldest_claimable_age_s"][0])
            for one in lines
            if "claimable_documents" in one
        ]

    flush_metrics()
    capsys.readouterr()
    async with running(watch):
        [(documents, age), *_] = await until(published)
        assert watch.alive()
    assert away.faults.fired == 2
    assert documents == 1
    assert age >= 90


async def _aged(database: Database, name: str, seconds: float) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(
            "UPDATE versions v SET due_at = now() - make_interval(secs => :seconds)"
            " FROM documents d WHERE d.document_id = v.document_id AND d.name = :name",
            {"seconds": seconds, "name": name},
        )


async def _waits(database: Database, tenant: str) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO tenants (tenant, waits_until) VALUES (:tenant, now() + interval '1 day')"
            " ON CONFLICT (tenant) DO UPDATE SET waits_until = excluded.waits_until",
            {"tenant": tenant},
        )
