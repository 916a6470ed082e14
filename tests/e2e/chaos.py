"""The same documents twice: undisturbed, and while workers die and messages come double.

`python -m tests.e2e.chaos` (`make chaos`) does it with 2,000 documents in a system of its own, and
compares what is left chunk by chunk.
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from compose.local.environment import DUMMY_CREDENTIALS
from compose.local.minting import mint_token
from compose.local.ports import HOST
from compose.local.probes import answering_services
from compose.local.system import System
from contracts.ingestion.document import document_id
from services.retrieval.models.embedding_space import EmbeddingSpace
from services.retrieval.store.sqlite.schema import file_for
from shared.testing.probe import until
from tests.e2e.person import Person

QUEUE = "ingestion-documents"
BETWEEN = ("retrieval-index", "retrieval-control", "ingestion-events")
WORKERS = ("ingestion", "retrieval")
BATCH = 10
MARK = "stirred"
# Before the first kill: some documents are in work.
FIRST_S = 0.5
# A dead worker holds its documents, and a dead index its messages: these must end between kills.
QUICK = {"RAGOPS_LEASE_S": "5", "RAGOPS_RESEND_S": "5"}
SPACE = EmbeddingSpace("local.minilm-l6-v2", 384)
CLOSE = 0.01


@dataclass(frozen=True)
class Chunk:
    """A passage as the search store holds it, without the ids that a tenant's own are made of."""

    n: int
    title: str
    text: str
    start: int
    end: int
    names: tuple[str, ...]


@dataclass
class Left:
    """By the document's name: its state with version and counts, its chunks, and their vectors."""

    states: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    chunks: dict[str, list[Chunk]] = field(default_factory=dict)
    vectors: dict[str, list[bytes]] = field(default_factory=dict)


@dataclass
class Storm:
    """How often it struck. `every_s` lies before each kill, `part` of the messages is stirred."""

    system: System
    every_s: float
    part: float = 0.3
    kills: int = 0
    doubled: int = 0

    @asynccontextmanager
    async def raging(self) -> AsyncIterator[None]:
        over = asyncio.Event()
        tasks = [asyncio.create_task(self._kill(over)), asyncio.create_task(self._stir(over))]
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*tasks)

    async def _kill(self, over: asyncio.Event) -> None:
        """In turn, each after the one before answers again: else a slow start is never over."""
        pause_s = FIRST_S
        for name in cycle(WORKERS):
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), pause_s)
            if over.is_set():
                return
            self.system.crash(name)
            self.kills += 1
            await until(partial(self._is_back, name, over), 120, 0.2)
            pause_s = self.every_s

    async def _is_back(self, name: str, over: asyncio.Event) -> bool:
        return over.is_set() or name in await answering_services(self.system.url)

    async def _stir(self, over: asyncio.Event) -> None:
        sqs = self.system.client("sqs")
        try:
            while not over.is_set():
                for queue in BETWEEN:
                    self.doubled += await asyncio.to_thread(self._double, sqs, queue)
                await asyncio.sleep(0.1)
        finally:
            sqs.close()

    def _double(self, sqs: Any, queue: str) -> int:
        """Takes messages off the queue and puts each back twice, in another order."""
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        taken = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=BATCH, MessageAttributeNames=["All"]
        ).get("Messages", [])
        fresh = [one for one in taken if MARK not in one.get("MessageAttributes", {})]
        fresh = [one for one in fresh if random.random() < self.part]
        again = [one for one in fresh for _ in range(2)]
        random.shuffle(again)
        for one in again:
            attributes = one.get("MessageAttributes", {})
            marked = attributes | {MARK: {"DataType": "String", "StringValue": "1"}}
            sqs.send_message(QueueUrl=url, MessageBody=one["Body"], MessageAttributes=marked)
        for one in taken:
            receipt = {"QueueUrl": url, "ReceiptHandle": one["ReceiptHandle"]}
            if one in fresh:
                sqs.delete_message(**receipt)
            else:
                sqs.change_message_visibility(**receipt, VisibilityTimeout=0)
        return len(fresh)


@asynccontextmanager
async def own(system: System, tenant: str) -> AsyncIterator[Person]:
    token = mint_token(system.layout.secrets().token_secret, tenant, "ann")
    async with Person.at(system.url, token, tenant) as made:
        yield made


def text_of(n: int, version: int) -> str:
    parts = [
        f"## Station {n}.{part}\n\nEdition {version} of report {n}: the Kestrel pump {n} measured "
        f"{n * 7 + part} units near Quillhaven. " + "It was oiled. " * 60
        for part in range(1 + n % 3)
    ]
    return "\n\n".join([f"# Report {n}", *parts])


def name_of(n: int) -> str:
    return f"report-{n:04}.md"


async def run(
    system: System, tenant: str, documents: int, *, double: bool, say: Callable[[str], None]
) -> Left:
    """All are taken in, every third is replaced, every tenth deleted; returns what is left."""
    async with own(system, tenant) as person:
        everything = range(documents)
        for version, chosen in ((1, everything), (2, everything[::3])):
            bodies = [
                {"tenant": tenant, "name": name_of(n), "text": text_of(n, version)} for n in chosen
            ]
            await asyncio.to_thread(_send, system, bodies * (2 if double else 1), double)
            wanted = {name_of(n): version for n in chosen}
            ready = partial(_all_ready, system, person, wanted, say)
            await until(ready, 300 + documents, 0.5)
        gone = [document_id(tenant, name_of(n)) for n in everything[::10]]
        for one in gone:
            await until(partial(_deleted, person, one), 120, 0.2)
        await until(lambda: _certified(person, gone), 300 + documents, 0.5)
        listed = await until(partial(_answered, person), 120, 0.5)
        return await asyncio.to_thread(_left, system, tenant, listed)


def _send(system: System, bodies: list[dict[str, Any]], shuffled: bool) -> None:
    if shuffled:
        random.shuffle(bodies)
    sqs = system.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    for first in range(0, len(bodies), BATCH):
        entries = [
            {"Id": str(n), "MessageBody": json.dumps(body)}
            for n, body in enumerate(bodies[first : first + BATCH])
        ]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    sqs.close()


async def _listed(person: Person) -> list[dict[str, Any]]:
    """Raises httpx.HTTPError while the gateway or ingestion is away."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        query = {"limit": 500} | ({"after": after} if after else {})
        answer = await person.http.get("/v1/documents", params=query)
        page = answer.raise_for_status().json()
        found += page["documents"]
        after = page["next"]
        if after is None:
            return found


async def _answered(person: Person) -> list[dict[str, Any]] | None:
    """None while the storm keeps the gateway or ingestion away."""
    try:
        return await _listed(person)
    except httpx.HTTPError:
        return None


async def _all_ready(
    system: System, person: Person, wanted: dict[str, int], say: Callable[[str], None]
) -> bool:
    """Whether these editions are ready, and none other is found."""
    listed = await _answered(person)
    if listed is None:
        return False
    states = {one["name"]: one["status"] for one in listed}
    ready = sum(states.get(name) == "ready" for name in wanted)
    say(f"{person.tenant}: {ready} of {len(wanted)} ready")
    if ready < len(wanted):
        return False
    chunks = (await asyncio.to_thread(_left, system, person.tenant, [])).chunks
    return all(
        name in chunks and all(f"Edition {edition} " in chunk.text for chunk in chunks[name])
        for name, edition in wanted.items()
    )


async def _deleted(person: Person, document: str) -> bool:
    try:
        answer = await person.http.delete(f"/v1/documents/{document}")
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.ACCEPTED


async def _certified(person: Person, documents: Sequence[str]) -> bool:
    try:
        for one in documents:
            answer = await person.http.get(f"/v1/documents/{one}/certificate")
            if not answer.raise_for_status().json()["complete"]:
                return False
    except httpx.HTTPError:
        return False
    return True


_CHUNKS = """
SELECT v.name, p.n, p.title, p.text, p.start, p."end", p.vector,
  (SELECT group_concat(name, '|') FROM (
    SELECT n.name FROM mentions m JOIN names n ON n.id = m.name WHERE m.passage = p.id
    UNION SELECT n.name FROM abouts a JOIN names n ON n.id = a.name WHERE a.passage = p.id
    ORDER BY 1))
FROM passages p JOIN versions v ON v.id = p.version JOIN tenants t ON t.id = v.tenant
WHERE t.name = ? ORDER BY v.name, v.ordinal, p.n
"""


def _left(system: System, tenant: str, listed: list[dict[str, Any]]) -> Left:
    left = Left()
    for one in listed:
        left.states[one["name"]] = (one["status"], one["counts"]["chunks"], one["counts"]["pages"])
    with closing(sqlite3.connect(file_for(system.layout.search, SPACE))) as file:
        for name, n, title, text, start, end, vector, names in file.execute(_CHUNKS, (tenant,)):
            chunk = Chunk(n, title, text, start, end, tuple((names or "").split("|")))
            left.chunks.setdefault(name, []).append(chunk)
            left.vectors.setdefault(name, []).append(vector)
    return left


def differing(calm: Left, stormy: Left) -> list[str]:
    """The names of documents that are not the same in both, chunk by chunk."""
    names = calm.states.keys() | calm.chunks.keys() | stormy.states.keys() | stormy.chunks.keys()
    return sorted(name for name in names if not _same(calm, stormy, name))


def _same(calm: Left, stormy: Left, name: str) -> bool:
    if calm.states.get(name) != stormy.states.get(name):
        return False
    if calm.chunks.get(name) != stormy.chunks.get(name):
        return False
    pairs = zip(calm.vectors.get(name, []), stormy.vectors.get(name, []), strict=True)
    return all(
        np.allclose(np.frombuffer(one, "<f2"), np.frombuffer(other, "<f2"), atol=CLOSE)
        for one, other in pairs
    )


async def _main(documents: int, every_s: float) -> int:
    def say(words: str) -> None:
        sys.stderr.write(f"\r{words:<60}")
        sys.stderr.flush()

    with tempfile.TemporaryDirectory() as folder:
        async with System(Path(folder) / "state", extra=QUICK) as system:
            began = time.monotonic()
            calm = await run(system, "calm", documents, double=False, say=say)
            calm_s = time.monotonic() - began
            storm, began = Storm(system, every_s), time.monotonic()
            async with storm.raging():
                stormy = await run(system, "storm", documents, double=True, say=say)
            storm_s = time.monotonic() - began
    found = differing(calm, stormy)
    chunks = sum(map(len, calm.chunks.values()))
    sys.stdout.write(
        f"\n{documents} documents, {len(calm.states)} left with {chunks} chunks. Undisturbed: "
        f"{calm_s:.0f} s. With {storm.kills} kills, every offer twice and {storm.doubled} messages"
        f" between the services doubled and reordered: {storm_s:.0f} s. {len(found)} differ.\n"
    )
    sys.stdout.writelines(f"{name}\n" for name in found[:20])
    return 1 if found or not storm.kills or not storm.doubled else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.chaos")
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--every-s", type=float, default=4.0, help="seconds before each kill")
    given = parser.parse_args()
    os.environ.update(DUMMY_CREDENTIALS, NO_PROXY=f"{HOST},localhost")
    return asyncio.run(_main(given.documents, given.every_s))


if __name__ == "__main__":
    raise SystemExit(main())
