"""Documents over HTTP: processor time of each service, time to ready, and what others feel."""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import psutil

from compose.local.minting import mint_token
from compose.local.process_list import read_entries
from compose.local.system import System
from contracts.ingestion.document import document_id
from shared.testing.probe import until
from tests.bench.figures import Figure
from tests.bench.ingest import SET, send

SMALL = SET.parents[1] / "hotpotqa" / "corpus.jsonl"
SMALL_COUNT = 1000
# Uploads under way at once, as a client sends them that fills a tenant.
AT_ONCE = 8
SERVICES = ("gateway", "ingestion", "retrieval")
CPU_LIMIT_MS = 10.0
WITHIN_S = 600.0
ONES = 20
BACKLOG = int(os.environ.get("RAGOPS_BENCH_DOCUMENTS", "0")) or 10_000
SEARCHES = 60


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with System(Path(folder)) as system, client_of(system, system.token) as client:
            idle = [await _one_document(client), await _processor_time(system, client)]
            return [*idle, *await _beside_a_backlog(system, client)]


async def _one_document(client: httpx.AsyncClient) -> Figure:
    """Two pages, one after the other, from the first byte until it is ready."""
    corpus = [json.loads(line)["text"] for line in SMALL.read_text().splitlines()[-100:]]
    took = []
    for n in range(ONES):
        text = "\n\n".join(corpus[n : n + 12]).encode()
        started = time.perf_counter()
        answer = await client.post("/v1/documents", files={"file": (f"two-pages-{n}.txt", text)})
        await ready(client, answer.raise_for_status().json()["document_id"], every_s=0.02)
        took.append(time.perf_counter() - started)
    detail = f"{ONES} documents of two pages, idle; slowest {max(took):.2f} s"
    return Figure("HTTP to ready, p50", statistics.median(took), 1.0, "s", False, detail)


async def _beside_a_backlog(system: System, client: httpx.AsyncClient) -> list[Figure]:
    """Another tenant's document, everybody's searches and ingestion's memory, while it drains."""
    idle_s = await _search_p95(client)
    secret = await _uploaded(client, "secret.txt", b"The secret word is xylophone.")
    bodies = [
        {"tenant": "demo", "name": f"backlog-{n}.txt", "text": f"Entry {n} of the harbour log."}
        for n in range(BACKLOG)
    ]
    await asyncio.to_thread(send, system, bodies)
    invisible_s = await _deleted(client, secret)
    token = mint_token(system.layout.secrets().token_secret, "other", "eve")
    async with httpx.AsyncClient(
        base_url=system.url, headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as other:
        started = time.perf_counter()
        await _uploaded(other, "one.txt", b"One alone.")
        took = time.perf_counter() - started
    busy_s = await _search_p95(client)
    newest = f"/v1/documents/{document_id('demo', bodies[-1]['name'])}"
    left = (await client.get(newest)).json().get("status") != "ready"
    detail = f"{1000 * busy_s:.0f} ms against {1000 * idle_s:.0f} ms" + (
        "" if left else ", drained!"
    )
    memory = _memory_mb(system)
    about = f"{BACKLOG:,} documents of one tenant before it"
    return [
        Figure("another tenant's document", took, 10.0, "s", False, about),
        Figure("a deleted document is out of the search", invisible_s, 2.0, "s", False, about),
        Figure("search p95 / idle, during a backlog", busy_s / idle_s, 2.0, "", False, detail),
        Figure("ingestion's memory", memory, 600.0, "MB", False, "with its parser's processes"),
    ]


async def _uploaded(client: httpx.AsyncClient, name: str, body: bytes) -> str:
    """Returns its id when it is ready."""
    answer = await client.post("/v1/documents", files={"file": (name, body)})
    document = str(answer.raise_for_status().json()["document_id"])
    await ready(client, document, every_s=0.05)
    return document


async def _deleted(client: httpx.AsyncClient, document: str) -> float:
    """Seconds until no search finds it."""
    started = time.perf_counter()
    (await client.delete(f"/v1/documents/{document}")).raise_for_status()

    async def gone() -> bool:
        body = {"query": "secret word xylophone", "limit": 100}
        found = (await client.post("/v1/search", json=body)).raise_for_status().json()["hits"]
        return all(hit["document_id"] != document for hit in found)

    await until(gone, 60, 0.02)
    return time.perf_counter() - started


async def _search_p95(client: httpx.AsyncClient) -> float:
    """Seconds, one search after the other."""
    took = []
    for n in range(SEARCHES):
        started = time.perf_counter()
        body = {"query": f"Who directed film number {n}?"}
        (await client.post("/v1/search", json=body)).raise_for_status()
        took.append(time.perf_counter() - started)
    return statistics.quantiles(took, n=20)[-1]


def _memory_mb(system: System) -> float:
    [pid] = [one.pid for one in read_entries(system.layout.processes) if one.name == "ingestion"]
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return float(sum(one.memory_info().rss for one in family)) / 1024**2


async def _processor_time(system: System, client: httpx.AsyncClient) -> Figure:
    """Of the three services, for one small document; the embedding model is not theirs."""
    corpus = [json.loads(line) for line in SMALL.read_text().splitlines()[: SMALL_COUNT + 50]]
    await put_documents(client, corpus[SMALL_COUNT:])
    before = used_seconds(system)
    await put_documents(client, corpus[:SMALL_COUNT])
    used = {
        name: 1000 * (after - before[name]) / SMALL_COUNT
        for name, after in used_seconds(system).items()
    }
    detail = ", ".join(f"{name} {used[name]:.1f}" for name in SERVICES)
    total = sum(used[name] for name in SERVICES)
    return Figure("CPU for a small document by HTTP", total, CPU_LIMIT_MS, "ms", False, detail)


async def put_documents(client: httpx.AsyncClient, documents: Iterable[dict[str, Any]]) -> None:
    """Returns when all are ready."""
    places = asyncio.Semaphore(AT_ONCE)

    async def put(document: dict[str, Any]) -> str:
        text = f"# {document['title']}\n\n{document['text']}"
        async with places:
            file = (f"{document['id']}.md", text.encode())
            answer = await client.post("/v1/documents", files={"file": file})
        return str(answer.raise_for_status().json()["document_id"])

    ids = await asyncio.gather(*(put(document) for document in documents))
    for one in ids[-AT_ONCE:]:
        await ready(client, one)


async def ready(client: httpx.AsyncClient, document_id: str, every_s: float = 0.5) -> None:
    async def is_ready() -> bool:
        answer = await client.get(f"/v1/documents/{document_id}")
        return bool(answer.json().get("status") == "ready")

    await until(is_ready, within_s=WITHIN_S, every_s=every_s)


def used_seconds(system: System) -> dict[str, float]:
    """Processor time so far of each part, with the processes that it started."""
    return {
        entry.name: _spent(psutil.Process(entry.pid))
        for entry in read_entries(system.layout.processes)
    }


def _spent(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return sum(times.user + times.system for times in (one.cpu_times() for one in family))


def client_of(system: System, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=system.url, headers=headers, timeout=60)
