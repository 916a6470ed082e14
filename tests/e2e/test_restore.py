"""The restore drill: every datastore is lost but S3 and the queues, and comes back from backups.

`RAGOPS_RESTORE_DOCUMENTS=1000 pytest -s` on this file prints how long each step takes for more
documents. OpenSearch, Neo4j and SQLite are not backed up: they are made from the manifests.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from redis.asyncio import Redis

from compose.local.environment import DUMMY_CREDENTIALS, child_environment
from compose.local.fleet import Fleet
from compose.local.layout import REPOSITORY, Layout
from compose.local.parts.part import Part
from compose.local.parts.postgres import postgres, postgres_url
from compose.local.parts.services import environment_of
from compose.local.parts.valkey import valkey, valkey_url
from compose.local.plan import REAL
from compose.local.ports import free_ports
from compose.local.process_list import ProcessList
from compose.local.progress import Silent
from compose.local.system import System
from contracts.topology import TURNS_TABLE
from shared.testing.probe import until
from tests.e2e.person import Person
from tests.e2e.test_audit import audit
from tests.e2e.test_budgets import spent

DOCUMENTS = int(os.environ.get("RAGOPS_RESTORE_DOCUMENTS", "12"))
TURNS = 3
WITHIN_S = 60 + 1.0 * DOCUMENTS
LIMITS = {"usd_month": "25"}


@dataclass
class Watch:
    """The steps with their seconds."""

    steps: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.steps.append((name, time.monotonic() - began))


@dataclass(frozen=True)
class Saved:
    """What was there when the backup was made."""

    documents: dict[str, str]
    conversations: set[str]
    spent: int


async def test_nothing_that_was_accepted_before_the_backup_is_lost(tmp_path: Path) -> None:
    state, backup, watch = tmp_path / "state", tmp_path / "backup", Watch()
    backup.mkdir()
    async with System(state) as before, Person.at(before.url, before.token, "demo") as me:
        saved = await _fill(me)
        with watch.step("back up PostgreSQL: pg_dump"):
            await _dump(before, backup)
        with watch.step("back up Redis: a snapshot"):
            await _snapshot(before, backup)
        late = await me.upload("late.txt", b"This came after the backup.")
        assert (await me.until_final(late))["status"] == "ready"
        dynamodb = before.client("dynamodb")
        await asyncio.to_thread(dynamodb.delete_table, TableName=TURNS_TABLE)
        dynamodb.close()
    layout = Layout(state)
    for folder in (layout.postgres, layout.valkey, layout.search):
        shutil.rmtree(folder)
    layout.prepare()
    with watch.step("restore PostgreSQL"):
        await _load(layout, backup)
    with watch.step("restore Redis"):
        await _place(layout, backup)
    # Other stores than last time: the start fills them with services.retrieval.rebuild.
    layout.stores.write_text(REAL)
    with watch.step("make the index and start all services"):
        after = await System(state).__aenter__()
    try:
        await _check(after, saved, late, watch)
    finally:
        await after.__aexit__(None, None, None)
    print(f"\n{DOCUMENTS} documents, {TURNS} turns")
    for name, took in watch.steps:
        print(f"| {name} | {took:.1f} s |")


async def _fill(me: Person) -> Saved:
    answer = await me.http.put(f"/v1/admin/tenants/{me.tenant}", json={"limits": LIMITS})
    assert answer.status_code == 200, answer.text
    documents = {}
    for n in range(DOCUMENTS):
        text = f"Station marker{n:04} measured {n * 7} units.".encode()
        documents[f"marker{n:04}"] = await me.upload(f"station-{n}.txt", text)
    for document in documents.values():
        assert (await me.until_final(document, WITHIN_S))["status"] == "ready"
    conversations = set()
    for n in range(TURNS):
        turn = await me.ask(f"What did marker{n:04} measure?")
        conversations.add(turn.one("meta")["conversation_id"])
    await until(lambda: _listed(me, conversations), 30, 0.2)
    return Saved(documents, conversations, await until(lambda: spent(me), 30, 0.2))


async def _check(system: System, saved: Saved, late: str, watch: Watch) -> None:
    async with Person.at(system.url, system.token, "demo") as me:
        with watch.step("fill memory from the archive"):
            await _command(system, "services.finetune_export.replay", "--days", "7")
            await until(lambda: _listed(me, saved.conversations), WITHIN_S, 0.2)
        with watch.step("count what was spent since the snapshot"):
            await _command(system, "services.gateway.rebuild_ledger")
        for word, document in saved.documents.items():
            assert (await me.document(document))["status"] == "ready"
            hits = (await me.search(word, limit=1, legs=["bm25"]))["hits"]
            assert [hit["document_id"] for hit in hits] == [document]
        assert await spent(me) >= saved.spent
        limits = (await me.http.get(f"/v1/admin/tenants/{me.tenant}")).json()["limits"]
        assert float(limits["usd_month"]) == float(LIMITS["usd_month"])
        with watch.step("compare all stores: services.gateway.audit"):
            _, found = await audit(system, me.tenant, "--unused-days", "0")
    # The registry is as old as the backup; what came later is found, and named.
    assert {about for _, about in found if about in (late, *saved.documents.values())} == {late}


async def _listed(me: Person, conversations: set[str]) -> bool:
    answer = await me.http.get("/v1/conversations")
    shown = answer.json().get("conversations", []) if answer.status_code == 200 else []
    return conversations <= {one["conversation_id"] for one in shown}


async def _command(system: System, module: str, *arguments: str) -> None:
    environment = child_environment(environment_of(system.plan, system.layout), DUMMY_CREDENTIALS)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments), env=environment, cwd=REPOSITORY
    )
    assert await process.wait() == 0


async def _dump(system: System, backup: Path) -> None:
    url = postgres_url(system.plan.postgres_port, system.layout.secrets().postgres_password)
    await _run(_tool(system.layout, "pg_dump"), "-Fc", "-f", str(backup / "registry"), url)


async def _load(layout: Layout, backup: Path) -> None:
    [port] = free_ports(1)
    password = layout.secrets().postgres_password
    async with _running(layout, await postgres(layout, port, password)):
        url = postgres_url(port, password)
        await _run(_tool(layout, "pg_restore"), "-d", url, str(backup / "registry"))


def _tool(layout: Layout, name: str) -> str:
    """Of the server that made the data."""
    return str(Path((layout.postgres / "server").read_text()).with_name(name))


async def _snapshot(system: System, backup: Path) -> None:
    """Once the file is written, as a cloud's snapshot is."""
    secrets = system.layout.secrets()
    redis = Redis.from_url(valkey_url(system.plan.valkey_port, secrets.valkey_password))
    await redis.save()
    await redis.aclose()
    shutil.copy(system.layout.valkey / "dump.rdb", backup)


async def _place(layout: Layout, backup: Path) -> None:
    """A server with an append-only file reads no snapshot: this one begins to keep it later."""
    shutil.copy(backup / "dump.rdb", layout.valkey)
    [port] = free_ports(1)
    password = layout.secrets().valkey_password
    part = valkey(layout, port, password)
    part = replace(part, argv=(*part.argv, "--appendonly", "no"))
    async with _running(layout, part):
        redis = Redis.from_url(valkey_url(port, password))
        await redis.config_set("appendonly", "yes")

        async def written() -> bool:
            return not (await redis.info("persistence"))["aof_rewrite_in_progress"]

        await until(written, 30, 0.05)
        await redis.aclose()


@asynccontextmanager
async def _running(layout: Layout, part: Part) -> AsyncIterator[None]:
    """A store by itself."""
    fleet = Fleet(layout.logs, ProcessList(layout.processes), Silent())
    await fleet.run(part)
    try:
        yield
    finally:
        await fleet.stop([part.name])


async def _run(*command: str) -> None:
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
