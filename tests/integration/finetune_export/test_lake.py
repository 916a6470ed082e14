"""Closed days are compacted into the lake, once, without what was erased; and asked by SQL."""

import io
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from contracts.gateway.erasures import UserErasedV1
from contracts.ingestion.events import DocumentDeletedV1
from services.finetune_export import ask, bootstrap, compact
from services.finetune_export.bootstrap import asking, compacting
from services.finetune_export.models.missing import MissingGroup
from services.finetune_export.services.auditing import Auditing
from services.finetune_export.services.compacting import Compacting
from services.finetune_export.store.archive import Archive
from services.finetune_export.store.audit_log import AuditStore
from services.finetune_export.store.lake import Lake
from services.finetune_export.store.objects import Objects
from services.finetune_export.store.parquet import as_parquet
from shared.aws import Clients
from shared.clock import SystemClock
from shared.testing.probe import until
from shared.testing.running import loop_of, running
from tests.integration.finetune_export.conftest import (
    ANN,
    AT,
    Archived,
    a_source,
    a_turn,
    feedback,
)

DAY = AT.date()
BOB = ANN.model_copy(update={"principal": "bob"})
PREFIX = f"lake/turns/tenant=acme/day={DAY}/"
ERASED = UserErasedV1(erasure_id="e1", user="ann", asked_until=AT + timedelta(hours=1))


async def compacted(archived: Archived) -> list[str]:
    async with compacting(archived.settings) as compaction:
        async for tenant, day in compaction.due():
            await compaction.compact(tenant, day)
    return archived.keys("lake/")


async def asked(archived: Archived, sql: str, tenant: str | None = None) -> list[Any]:
    async with asking(archived.settings) as lake:
        return (await lake.ask(sql, tenant))[1]


async def test_a_closed_day_is_one_file_sorted_by_user_and_turn(archived: Archived) -> None:
    for turn_id, who in (("t2", BOB), ("t3", ANN), ("t1", ANN)):
        await archived.hear(a_turn(turn_id, a_source("d1"), a_source("d2", 2, cited=False)), who)
    await archived.hear(feedback("t1"))
    await archived.hear(feedback("t1", rating="up", given_at=AT + timedelta(minutes=1)))
    now = SystemClock().now()
    await archived.hear(a_turn("now", started_at=now, completed_at=now))
    [key] = await compacted(archived)
    assert key.startswith(f"{PREFIX}part-")
    body = archived.s3.get_object(Bucket=archived.bucket, Key=key)["Body"].read()
    rows = pq.read_table(io.BytesIO(body)).to_pylist()
    assert [(row["user"], row["turn_id"]) for row in rows] == [
        ("ann", "t1"),
        ("ann", "t3"),
        ("bob", "t2"),
    ]
    assert (rows[0]["rating"], rows[0]["documents"], rows[0]["sources"]) == ("up", ["d1"], 2)
    assert rows[1]["rating"] is None
    # Facts and hashes alone.
    assert b"Words of d1" not in body
    assert b"How much" not in body
    counted = "SELECT tenant, user, count(*) FROM turns GROUP BY 1, 2 ORDER BY 2"
    assert await asked(archived, counted) == [
        ("acme", "ann", 2),
        ("acme", "bob", 1),
    ]


async def test_twice_is_once_and_the_same_bytes(archived: Archived) -> None:
    await archived.hear(a_turn("t1", a_source("d1")))
    [key] = await compacted(archived)
    first = archived.s3.get_object(Bucket=archived.bucket, Key=key)
    async with compacting(archived.settings) as compaction:
        again = await compaction.compact("acme", DAY)
    assert (again.turns, again.new) == (1, False)
    archived.s3.delete_object(Bucket=archived.bucket, Key=key)
    assert await compacted(archived) == [key]
    second = archived.s3.get_object(Bucket=archived.bucket, Key=key)
    assert second["Body"].read() == first["Body"].read()


@pytest.mark.parametrize("late", ["turn", "feedback", "deleted document"])
async def test_a_closed_day_that_changes_is_compacted_again(archived: Archived, late: str) -> None:
    await archived.hear(a_turn("t1", a_source("d1")))
    [before] = await compacted(archived)
    changes: dict[str, Any] = {
        "turn": a_turn("t2"),
        "feedback": feedback("t1"),
        "deleted document": DocumentDeletedV1(document_id="d1", ordinal=1),
    }
    await archived.hear(changes[late])
    assert archived.keys("lake/") == []
    [after] = await compacted(archived)
    assert after != before


async def test_an_erased_user_leaves_the_lake_with_his_turns(archived: Archived) -> None:
    archived.version()
    await archived.hear(a_turn("t1"))
    await archived.hear(a_turn("t2"), BOB)
    await compacted(archived)
    await archived.hear(ERASED)
    assert b"part-" not in archived.bytes_of_all_versions()
    await compacted(archived)
    assert await asked(archived, "SELECT user FROM turns") == [("bob",)]


async def test_what_changes_while_a_day_is_compacted_is_seen(archived: Archived) -> None:
    """An erasure, and a late turn, between the reading of a day and the writing of its part."""
    await archived.hear(a_turn("t1"))
    await archived.hear(a_turn("t2"), BOB)
    changes: list[Callable[[], Awaitable[None]]] = [
        lambda: archived.hear(ERASED),
        lambda: archived.hear(a_turn("t3"), BOB),
    ]

    class Meanwhile(Lake):
        async def write(self, key: str, body: bytes) -> None:
            if changes:
                await changes.pop(0)()
            await super().write(key, body)

    async with AsyncExitStack() as stack:
        s3 = await Clients(stack, archived.settings).open("s3")
        objects = Objects(s3, archived.bucket)
        log = AuditStore(Objects(s3, archived.settings.resource(archived.settings.audit_bucket)))
        audit, clock = Auditing(log, SystemClock(), "w", b"key"), SystemClock()
        lake = Meanwhile(objects)
        compaction = Compacting(Archive(objects), lake, as_parquet, audit, clock)
        done = await compaction.compact("acme", DAY)
    assert (changes, done.turns) == ([], 2)
    assert await asked(archived, "SELECT user, turn_id FROM turns ORDER BY 2") == [
        ("bob", "t2"),
        ("bob", "t3"),
    ]


async def test_sql_reaches_the_turns_of_a_tenant_and_nothing_else(archived: Archived) -> None:
    await archived.hear(a_turn("t1"))
    await archived.hear(a_turn("t1"), ANN.of("other"))
    await compacted(archived)
    assert await asked(archived, "SELECT count(*) FROM turns") == [(2,)]
    assert await asked(archived, "SELECT DISTINCT tenant FROM turns", "acme") == [("acme",)]
    assert await asked(archived, "SELECT count(*) FROM turns", "nobody") == [(0,)]
    for sql in ("SELECT * FROM '/etc/passwd'", "SELEC", "SET enable_external_access = true"):
        with pytest.raises(ValueError, match=r"\w"):
            await asked(archived, sql)


async def test_the_service_compacts_by_itself_where_the_group_is_installed(
    archived: Archived,
) -> None:
    await archived.hear(a_turn("t1"))
    async with running(loop_of(archived.service, Compacting)):
        await until(lambda: archived.keys("lake/"))


async def test_a_day_that_has_not_ended_is_not_compacted(archived: Archived) -> None:
    async with compacting(archived.settings) as compaction:
        with pytest.raises(ValueError, match="has not ended"):
            [place async for place in compaction.on(SystemClock().now().date())]


@pytest.mark.parametrize("command", [compact, ask])
def test_without_the_group_a_command_says_what_to_install(
    command: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "has_training_group", lambda: False)
    assert command.main(["SELECT 1"] if command is ask else []) == 2
    assert capsys.readouterr().err == f"{MissingGroup()}\n"
