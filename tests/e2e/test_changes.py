"""Documents that change and go while people ask, on the embedded stores and on the real ones."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from compose.local.system import System
from shared.testing.probe import until
from tests.e2e.looking import entities, passages
from tests.e2e.person import Person

ASKERS = 2
VERSIONS = 6
LEGS = {"bm25": "applied", "dense": "applied", "graph": "applied", "rerank": "applied"}


def handbook(version: int) -> bytes:
    """Several passages, each of which says of which version it is."""
    parts = [
        f"## Pump {n}\n\nEdition {version} says: the Kestrel pump {n} is checked. "
        + "Oil it. " * 80
        for n in range(4)
    ]
    return "\n\n".join(["# The Kestrel handbook", *parts]).encode()


def editions(found: dict[str, Any]) -> set[str]:
    texts = " ".join(hit["text"] for hit in found["hits"])
    return set(re.findall(r"Edition (\d+)", texts))


@asynccontextmanager
async def load(person: Person, see: Callable[[dict[str, Any]], None]) -> AsyncIterator[None]:
    """Several people ask again and again; each answer goes to `see`, a clear 503 is none."""
    over = asyncio.Event()
    question = {"query": "Which Kestrel pump is checked?", "limit": 20}

    async def ask() -> None:
        while not over.is_set():
            answer = await person.http.post("/v1/search", json=question)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                see(answer.raise_for_status().json())

    askers = [asyncio.create_task(ask()) for _ in range(ASKERS)]
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(*askers)


async def test_no_answer_holds_two_versions_while_a_document_changes(someone: Person) -> None:
    document_id = await someone.upload("handbook.md", handbook(1))
    assert (await someone.until_final(document_id))["status"] == "ready"
    seen: list[set[str]] = []
    async with load(someone, lambda found: seen.append(editions(found))):
        for version in range(2, VERSIONS + 1):
            await someone.upload("handbook.md", handbook(version))

            async def is_found(version: int = version) -> bool:
                return seen[-1:] == [{str(version)}]

            await until(is_found, 60, 0.02)
    assert len(seen) > 5 * VERSIONS
    assert {len(one) for one in seen} == {1}  # never two, and never none
    numbers = [int(edition) for one in seen for edition in one]
    assert set(numbers) == set(range(1, VERSIONS + 1))


async def test_a_delete_is_invisible_at_once_and_leaves_what_others_support(
    either: System, someone: Person
) -> None:
    kept = await someone.upload("kestrel.md", b"# Kestrel pump\n\nThe Kestrel pump moves oil.")
    gone = await someone.upload(
        "osprey.md", b"# Osprey valve\n\nThe Osprey valve feeds the Kestrel pump of Quillhaven."
    )
    for document_id in (kept, gone):
        assert (await someone.until_final(document_id))["status"] == "ready"
    found = await someone.search("Osprey valve")
    assert found["legs"] == LEGS
    assert {hit["document_id"] for hit in found["hits"]} == {kept, gone}
    assert await entities(either, someone.tenant) >= {"kestrel pump", "osprey valve", "quillhaven"}
    assert (await someone.http.delete(f"/v1/documents/{gone}")).status_code == 202

    async def invisible() -> bool:
        hits = (await someone.search("Osprey valve Quillhaven"))["hits"]
        return all(hit["document_id"] != gone for hit in hits)

    await until(invisible, 2, 0.02)

    async def no_trace() -> bool:
        left = await entities(either, someone.tenant)
        return not {"osprey valve", "quillhaven"} & left and not await passages(either, gone)

    await until(no_trace, 30, 0.3)
    assert "kestrel pump" in await entities(either, someone.tenant)
    assert await passages(either, kept) == 1

    async def complete() -> dict[str, Any] | None:
        shown = (await someone.http.get(f"/v1/documents/{gone}/certificate")).json()
        return shown if shown["complete"] else None

    proof = await until(complete, 30, 0.2)
    assert (proof["name"], proof["missing"]) == (None, [])
    removed = {(one["service"], one["place"]): one["removed"] for one in proof["places"]}
    assert removed["retrieval", "passages"] == 1
    assert removed["retrieval", "names"] >= 2
    assert removed["ingestion", "manifests"] == removed["ingestion", "uploads"] == 1
    assert (await someone.http.get(f"/v1/documents/{kept}/certificate")).status_code == 404
