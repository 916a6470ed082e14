"""A power cut: what was accepted and saved is worked after the next start, each thing once.

`RAGOPS_POWER_CUT_RUNS=5 RAGOPS_POWER_CUT_DOCUMENTS=100 RAGOPS_POWER_CUT_TURNS=10 pytest -s` on this
file prints a table of a longer run.
"""

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from compose.local.ministack.generations import Generations
from compose.local.system import System
from contracts.topology import ARCHIVE_BUCKET, TURNS_TABLE
from shared.testing.probe import until
from tests.e2e.person import Person
from tests.e2e.test_entrances import drop, offer

RUNS = int(os.environ.get("RAGOPS_POWER_CUT_RUNS", "1"))
DOCUMENTS = int(os.environ.get("RAGOPS_POWER_CUT_DOCUMENTS", "20"))
TURNS = int(os.environ.get("RAGOPS_POWER_CUT_TURNS", "3"))
# All that would work what is accepted: the messages wait in the queues when the power goes.
CONSUMERS = ("ingestion", "memory", "finetune_export")
WITHIN_S = 60 + 2.0 * DOCUMENTS


@dataclass(frozen=True)
class Accepted:
    """Names of the documents, ids of the turns."""

    documents: list[str]
    turns: list[str]


@pytest.mark.parametrize("run", range(RUNS))
async def test_what_was_accepted_before_a_power_cut_is_there_once_after_it(
    tmp_path: Path, run: int
) -> None:
    state = tmp_path / "state"
    async with System(state) as before, Person.at(before.url, before.token, "demo") as me:
        await asyncio.gather(*(before.kill(name) for name in CONSUMERS))
        accepted = await _accept(before, me)
        await until(lambda: _is_saved(before, accepted.documents[-1]), 30)
        pids = before.fleet.pids()
        assert not pids.keys() & set(CONSUMERS)  # nobody worked anything
        assert {"aws", "postgres", "valkey"} <= pids.keys()
        await asyncio.gather(*(before.kill(name) for name in pids))
    began = time.monotonic()
    async with System(state) as after, Person.at(after.url, after.token, "demo") as me:
        documents, turns, archived = await _until_all_is_there(after, me, accepted)
    took = time.monotonic() - began
    print(
        f"\nrun {run + 1}: {documents.total()} of {DOCUMENTS} documents ready, "
        f"{turns.total()} of {TURNS} turns in memory, {archived.total()} archived, {took:.0f} s"
    )
    assert documents == Counter(accepted.documents)
    assert turns == archived == Counter(accepted.turns)


async def _accept(system: System, me: Person) -> Accepted:
    """A tenth of the documents by the inbox and a tenth by hand, the last of these at the end."""
    names = [f"report-{n:03}.txt" for n in range(DOCUMENTS)]
    tenth = DOCUMENTS // 10
    turns = []
    for n, name in enumerate(names):
        text = f"Report {n}. The station marker{n:03} measured {n * 7} units."
        if n < tenth:
            await asyncio.to_thread(drop, system, f"inbox/demo/{name}", text.encode())
        elif n < DOCUMENTS - tenth:
            await me.upload(name, text.encode())
        elif n == DOCUMENTS - tenth:
            turns = [await _turn(me, number) for number in range(TURNS)]
        if n >= DOCUMENTS - tenth:
            message = {"tenant": "demo", "name": name, "text": text}
            await asyncio.to_thread(offer, system, message)
    return Accepted(names, turns)


async def _turn(me: Person, number: int) -> str:
    turn = await me.ask(f"What did station number {number} measure?")
    assert turn.names()[-1] == "done"
    return str(turn.one("meta")["turn_id"])


def _is_saved(system: System, name: str) -> bool:
    """Whether the queue on the disk holds the document's message."""
    try:
        queues = (Generations(system.layout.emulator).newest() / "sqs.json").read_text()
    except FileNotFoundError:  # a newer one took its place just now
        return False
    return name in queues


async def _until_all_is_there(
    system: System, me: Person, accepted: Accepted
) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Ready documents by name, remembered and archived turns by id; what there is at the end."""

    async def worked() -> bool:
        return (
            (await _ready(me)).total() >= len(accepted.documents)
            and len(await asyncio.to_thread(_remembered, system)) >= len(accepted.turns)
            and len(await asyncio.to_thread(_archived, system)) >= len(accepted.turns)
        )

    await until(worked, WITHIN_S, 0.5)
    for n, name in enumerate(accepted.documents):
        hits = (await me.search(f"marker{n:03}", limit=100, legs=["bm25"]))["hits"]
        assert [hit["name"] for hit in hits] == [name]
    return (
        await _ready(me),
        await asyncio.to_thread(_remembered, system),
        await asyncio.to_thread(_archived, system),
    )


async def _ready(me: Person) -> Counter[str]:
    answer = await me.http.get("/v1/documents", params={"limit": 500})
    if answer.status_code != httpx.codes.OK:
        return Counter()
    documents = answer.json()["documents"]
    return Counter(one["name"] for one in documents if one["status"] == "ready")


def _remembered(system: System) -> Counter[str]:
    dynamodb = system.client("dynamodb")
    items = dynamodb.scan(TableName=TURNS_TABLE)["Items"]
    dynamodb.close()
    return Counter(item["turn_id"]["S"] for item in items if "question" in item)


def _archived(system: System) -> Counter[str]:
    s3 = system.client("s3")
    listed = s3.list_objects_v2(Bucket=ARCHIVE_BUCKET, Prefix="turns/demo/me/")
    s3.close()
    return Counter(Path(one["Key"]).stem for one in listed.get("Contents", []))
