"""scifact through the queue against the bare embedding model on the same passages."""

import asyncio
import json
import os
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from compose.local.system import System
from contracts.ingestion.document import document_id
from services.ingestion.bootstrap import chunkings_of
from services.ingestion.services.reading.formats.text import read_markdown
from services.ingestion.services.reading.titles import title_of
from services.ingestion.settings import IngestionSettings
from shared.testing.probe import until
from tests.bench.bare_model import bare_speed, fused_gain
from tests.bench.figures import Figure
from tests.quality.embedder import SPACE

SET = Path(os.environ.get("RAGOPS_EVAL", "../shared/eval")) / "scifact" / "corpus.jsonl"
# For a quick look while working on speed; the figure that counts is that of the whole set.
MOST = int(os.environ.get("RAGOPS_BENCH_DOCUMENTS", "0")) or None
QUEUE = "ingestion-documents"
TENANT = "demo"
BATCH = 10
WITHIN_S = 1200.0
LIMIT = 0.85


async def measure() -> list[Figure]:
    """The whole set through the product, and half of it before and after by the bare model."""
    corpus = [json.loads(line) for line in SET.read_text().splitlines()[:MOST]]
    bodies = [
        {"tenant": TENANT, "name": f"{d['id']}.md", "text": f"# {d['title']}\n\n{d['text']}"}
        for d in corpus
    ]
    texts = [text for body in bodies for text in _embedded(body)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        state = Path(folder)
        # Half before and half after: a machine's speed drifts within minutes.
        before = await asyncio.to_thread(bare_speed, state, texts[::2])
        async with System(state) as system:
            started = datetime.now(UTC)
            await asyncio.to_thread(send, system, bodies)
            await _ready(system, [body["name"] for body in bodies[-BATCH:]])
            documents = await _all_ready(system, len(bodies))
        after = await asyncio.to_thread(bare_speed, state, texts[1::2])
        gain = await asyncio.to_thread(fused_gain, state, texts)
    chunks = sum(document["counts"]["chunks"] for document in documents)
    assert chunks == len(texts), (chunks, len(texts))
    # When the last one became ready, which is earlier than when we looked.
    ended = max(datetime.fromisoformat(document["updated_at"]) for document in documents)
    took = (ended - started).total_seconds()
    through, bare = chunks / took, 2 / (1 / before + 1 / after)
    detail = f"{through:.1f} against {bare:.1f} passages/s, {len(bodies)} documents in {took:.0f} s"
    ratio = Figure("ingest / bare embedding model", through / bare, LIMIT, "", True, detail)
    return [ratio, gain]


def _embedded(body: dict[str, str]) -> list[str]:
    parsed = read_markdown(body["text"].encode())
    parsed = replace(parsed, title=title_of(parsed, body["name"], {}))
    # The model of the local system.
    settings = IngestionSettings(embedding_model=SPACE.model, embedding_dimension=SPACE.dimension)
    return [chunk.embedded_text for chunk in chunkings_of(settings).chunks(parsed)]


def send(system: System, bodies: list[dict[str, str]]) -> None:
    sqs: Any = system.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    for start in range(0, len(bodies), BATCH):
        entries = [
            {"Id": str(n), "MessageBody": json.dumps(body)}
            for n, body in enumerate(bodies[start : start + BATCH])
        ]
        answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        assert len(answer["Successful"]) == len(entries), answer
    sqs.close()


def _client(system: System) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {system.token}"}
    return httpx.AsyncClient(base_url=system.url, headers=headers, timeout=60)


async def _ready(system: System, names: list[str]) -> None:
    """The last ones sent: cheap to look at, while looking at all would slow the measured work."""
    async with _client(system) as client:
        for name in names:
            path = f"/v1/documents/{document_id(TENANT, name)}"

            async def ready(path: str = path) -> bool:
                answer = await client.get(path)
                return bool(answer.json().get("status") == "ready")

            await until(ready, within_s=WITHIN_S, every_s=2.0)


async def _all_ready(system: System, count: int) -> list[dict[str, Any]]:
    """Their summaries."""
    async with _client(system) as client:

        async def ready() -> list[dict[str, Any]]:
            found = [d for d in await _documents(client) if d["status"] == "ready"]
            return found if len(found) == count else []

        found: list[dict[str, Any]] = await until(ready, within_s=60, every_s=1.0)
        return found


async def _documents(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        query: dict[str, Any] = {"limit": 500} | ({"after": after} if after else {})
        page = (await client.get("/v1/documents", params=query)).raise_for_status().json()
        found += page["documents"]
        after = page["next"]
        if after is None:
            return found
