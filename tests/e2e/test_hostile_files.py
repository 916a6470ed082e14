"""Bombs and broken files of every kind, on the way that any document takes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from compose.local.system import System
from contracts.ingestion.media_types import KNOWN
from shared.testing.probe import until
from tests.e2e.person import Person
from tests.integration.ingestion.hostile import SLOW, bombs, broken

OF_EACH_KIND = 2
SEED = 11
AT_ONCE = 8


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server's URL, and what it was asked."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}", asked


async def settled(person: Person, document_id: str) -> dict[str, Any]:
    """Under this load an answer may be late, which is a 503."""

    async def ended() -> dict[str, Any] | None:
        answer = await person.http.get(f"/v1/documents/{document_id}")
        shown: dict[str, Any] = answer.json()
        return shown if shown.get("status") in ("ready", "rejected", "failed") else None

    found: dict[str, Any] = await until(ended, within_s=120, every_s=0.2)
    return found


async def test_each_file_ends_ready_or_rejected_and_nothing_dies(
    system: System, person: Person
) -> None:
    pids = system.fleet.pids()
    places = asyncio.Semaphore(AT_ONCE)
    ends: Counter[str] = Counter()

    async def end(name: str, body: bytes) -> tuple[str, str]:
        async with places:
            answer = await person.http.post("/v1/documents", files={"file": (name, body)})
            if answer.status_code != 202:
                return name, f"{answer.status_code} {answer.json()['code']}"
            shown = await settled(person, answer.json()["document_id"])
        ends[shown["status"]] += 1
        reason = f"{shown['error']['code']}: {shown['error']['message']}" if shown["error"] else ""
        return name, f"{shown['status']} {reason}"

    async with listening() as (url, asked):
        files = {name: body for name, body in bombs(url, long=3).items() if name not in SLOW}
        for kind in KNOWN:
            files |= {f"{n}.{kind}": b for n, b in enumerate(broken(kind, OF_EACH_KIND, SEED))}
        found = dict(await asyncio.gather(*(end(name, body) for name, body in files.items())))
    bad = {name: how for name, how in found.items() if not how.startswith(("ready", "rejected "))}
    assert set(bad.values()) <= {"422 empty"}
    assert asked == []
    assert system.fleet.pids() == pids
    assert min(ends["ready"], ends["rejected"]) > 20
