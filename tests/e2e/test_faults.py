"""Kills, backlogs and services that are away: nothing accepted is lost, nothing is there twice."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from compose.local.system import System
from contracts.topology import SERVICES
from shared.testing.probe import until
from tests.e2e.person import Person

DOCUMENTS = 200
BATCH = 10


def send_many(system: System, tenant: str, count: int, start: int = 0) -> None:
    sqs = system.client("sqs")
    url = sqs.get_queue_url(QueueName="ingestion-documents")["QueueUrl"]
    for first in range(start, start + count, BATCH):
        bodies = [
            {
                "tenant": tenant,
                "name": f"report-{n:03}.txt",
                "text": f"Report number {n}. The station marker{n:03} measured {n * 7} units.",
            }
            for n in range(first, first + BATCH)
        ]
        entries = [{"Id": str(i), "MessageBody": json.dumps(b)} for i, b in enumerate(bodies)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    sqs.close()


async def statuses(person: Person) -> list[str]:
    """Empty while the gateway or ingestion is away: the caller asks again."""
    try:
        answer = await person.http.get("/v1/documents", params={"limit": 500})
    except httpx.TransportError:
        return []
    if answer.status_code != httpx.codes.OK:
        return []
    return [document["status"] for document in answer.json()["documents"]]


async def test_kill_9_of_each_service_during_ingest_loses_and_doubles_nothing(
    system: System, person: Person
) -> None:
    pids = system.fleet.pids()
    for n, service in enumerate(SERVICES):
        await asyncio.to_thread(send_many, system, person.tenant, 40, n * 40)

        async def some_work_is_done(least: int = n * 20 + 5) -> bool:
            return (await statuses(person)).count("ready") >= least

        await until(some_work_is_done, 120, 0.1)
        system.crash(service)
    await system.ready()

    async def all_ready() -> bool:
        return (await statuses(person)).count("ready") == DOCUMENTS

    await until(all_ready, 240, 0.5)
    killed = {name for name, pid in system.fleet.pids().items() if pids[name] != pid}
    assert set(SERVICES) <= killed  # each fault fired
    for n in range(0, DOCUMENTS, 7):
        hits = (await person.search(f"marker{n:03}", limit=100, legs=["bm25"]))["hits"]
        assert [hit["name"] for hit in hits] == [f"report-{n:03}.txt"]
    everything = (await person.search("report station measured", limit=100, legs=["bm25"]))["hits"]
    assert len({hit["passage_id"] for hit in everything}) == len(everything) == 100


async def test_a_delete_overtakes_a_backlog(system: System, person: Person) -> None:
    document_id = await person.upload("secret.txt", b"The secret word is xylophone.")
    assert (await person.until_final(document_id))["status"] == "ready"
    await asyncio.to_thread(send_many, system, person.tenant, DOCUMENTS)
    answer = await person.http.delete(f"/v1/documents/{document_id}")
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text

    async def gone() -> bool:
        hits = (await person.search("secret word xylophone", limit=100))["hits"]
        return all(hit["document_id"] != document_id for hit in hits)

    await until(gone, 30, 0.02)
    # In its turn, it would be gone when all are ready. `make bench` measures its seconds.
    assert (await statuses(person)).count("ready") < DOCUMENTS / 2

    async def traces() -> dict[str, Any]:
        return await asyncio.to_thread(_objects, system, person.tenant, document_id)

    await until(lambda: _none(traces), 30, 0.5)


async def _none(traces: Any) -> bool:
    return not await traces()


def _objects(system: System, tenant: str, document_id: str) -> dict[str, Any]:
    s3 = system.client("s3")
    listed = s3.list_objects_v2(
        Bucket="ragops-carrier", Prefix=f"manifests/{tenant}/{document_id}/"
    )
    s3.close()
    return {entry["Key"]: entry for entry in listed.get("Contents", [])}


@pytest.mark.parametrize(("service", "missing"), [("retrieval", "retrieval"), ("memory", "memory")])
async def test_without_a_leg_the_answer_comes_and_says_what_is_missing(
    system: System, person: Person, service: str, missing: str
) -> None:
    await person.until_final(await person.upload("a.txt", b"The pump runs at noon."))
    await system.kill(service)
    try:
        started = time.monotonic()
        turn = await person.ask("When does the pump run?")
        took = time.monotonic() - started
    finally:
        await system.restart(service)
    assert turn.names()[-1] == "done"
    assert missing in turn.one("meta")["degraded"]
    assert took < 10
    await system.ready()


async def test_without_ingestion_uploads_are_accepted_and_worked_later(
    system: System, person: Person
) -> None:
    await system.kill("ingestion")
    try:
        document_id = await person.upload("later.txt", b"Written while nobody was there.")
        assert (await person.document(document_id))["status"] == "accepted"
        unknown = await person.http.get("/v1/documents/00000000-0000-0000-0000-000000000000")
        assert unknown.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert "retry-after" in unknown.headers
    finally:
        await system.restart("ingestion")
    assert (await person.until_final(document_id))["status"] == "ready"
