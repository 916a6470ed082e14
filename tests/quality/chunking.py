"""`python -m tests.quality.chunking`: each way to cut on long documents with known answers.

Long documents are made of the public sets' passages, several to a document, under headings
(hotpotqa) or without any (scifact), and of tables with a row for each question. Search is the
product's own, words and vectors; graph and reranker are left out. A chunk that was found counts for
the passage that most of it lies in. What is read is counted too: chunks of all sizes get the same
number of characters.
"""

import asyncio
import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.envelope import Context
from contracts.ingestion.chunking import CHUNKINGS, Chunking
from contracts.ingestion.manifest import passage_id
from contracts.retrieval.search import SearchRequestedV1
from services.ingestion.models.parsed import Chunk, Parsed
from services.ingestion.services.chunking.strategies import Chunkings, InputLimit
from services.retrieval.models.passage import IndexedPassage, Passage
from services.retrieval.services.searching.search import Search
from services.retrieval.store.sqlite.store import open_sqlite
from shared.client.evaluate.metrics import intervals, values_of
from shared.metering import Metering
from shared.testing.fakes import FakePublisher
from tests.bench.library import EMBEDDED, TENANT, version
from tests.quality.embedder import SPACE, Embedder, QueryModel, Vectors
from tests.quality.evaluation_set import load

LIMIT = InputLimit(512)
READ_CHARACTERS = 3000
FOUND = 100


@dataclass(frozen=True)
class LongSet:
    """`spans`: (passage id, start, end) in each document; `judged`: query → passage → 1."""

    documents: Mapping[str, Parsed]
    spans: Mapping[str, Sequence[tuple[str, int, int]]]
    queries: Mapping[str, str]
    judged: dict[str, dict[str, int]]


def joined(name: str, questions: int, passages: int, together: int, headings: bool) -> LongSet:
    """The gold passages of so many questions and others, in a random order that stays the same."""
    chance, source = random.Random(3), load(name)
    judged = {query: dict(source.judged[query]) for query in sorted(source.judged)[:questions]}
    gold = {passage for some in judged.values() for passage in some}
    others = sorted(source.documents.keys() - gold)
    chosen = sorted(gold) + chance.sample(others, passages - len(gold))
    chance.shuffle(chosen)
    documents, spans = {}, {}
    for start in range(0, len(chosen), together):
        text, places = "", []
        for passage in chosen[start : start + together]:
            title, words = source.documents[passage]
            text += f"## {title}\n\n" if headings else f"{title}. "
            places.append((passage, len(text), len(text) + len(words)))
            text += f"{words}\n\n"
        documents[f"{name}-{start}"] = Parsed(text, markdown=headings)
        spans[f"{name}-{start}"] = places
    return LongSet(documents, spans, {q: source.queries[q] for q in judged}, judged)


def tables(count: int, rows: int, questions: int) -> LongSet:
    """Price lists; a question asks for one row by its code."""
    chance = random.Random(4)
    things = ["hull plate", "pump seal", "deck light", "winch drum", "fuel valve", "radar mast"]
    documents, spans, codes = {}, {}, {}
    for at in range(count):
        text = f"# Price list {at}\n\n| part | item | weight | price |\n| --- | --- | --- | --- |\n"
        places = []
        for row in range(rows):
            code = f"{chance.choice('ABCDEFGH')}{chance.choice('XYZ')}-{chance.randrange(10**5)}"
            line = f"| {code} | {chance.choice(things)} | {row % 90} kg | {row * 7 % 900} EUR |"
            places.append((f"{at}-{row}", len(text), len(text) + len(line)))
            codes[f"{at}-{row}"] = code
            text += line + "\n"
        documents[f"list-{at}"], spans[f"list-{at}"] = Parsed(text, markdown=True), places
    asked = chance.sample(sorted(codes), questions)
    queries = {row: f"What does part {codes[row]} cost?" for row in asked}
    return LongSet(documents, spans, queries, {row: {row: 1} for row in asked})


SETS: Mapping[str, Callable[[], LongSet]] = {
    "tables of 100 rows": lambda: tables(8, 100, 100),
    "hotpotqa, 12 under headings": lambda: joined("hotpotqa", 150, 1500, 12, headings=True),
    "scifact, 8 without headings": lambda: joined("scifact", 80, 240, 8, headings=False),
}


async def measure(
    name: Chunking, long: LongSet, embedder: Embedder
) -> tuple[list[list[float]], int]:
    """For each query nDCG@10 and AllHit in what is read; and how many chunks there are."""
    chunkings = Chunkings(LIMIT, name)
    cut = {key: chunkings.chunks(parsed) for key, parsed in long.documents.items()}
    texts = [chunk.embedded_text for chunks in cut.values() for chunk in chunks]
    vectors = iter(embedder.encode(texts))
    queries = list(long.queries.values())
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder), SPACE) as store:
            for key, chunks in cut.items():
                await store.index(
                    version(key), [_row(key, *one, next(vectors)) for one in enumerate(chunks)]
                )
                await store.promote(TENANT, key, 1)
            search = Search(
                store, QueryModel(embedder, queries), SPACE, Metering("r", FakePublisher())
            )
            ranked = {q: await _found(search, q, text) for q, text in long.queries.items()}
    owners = {
        passage_id(key, 1, n): (_owner(chunk, long.spans[key]), chunk)
        for key, chunks in cut.items()
        for n, chunk in enumerate(chunks)
    }
    rankings = {
        q: list(dict.fromkeys(p for one in ids for p in owners[one][0]))
        for q, ids in ranked.items()
    }
    scored = values_of(rankings, long.judged)
    rows = []
    for query in sorted(long.judged):
        read = _read(ranked[query], owners)
        rows.append([scored[query][0], float(long.judged[query].keys() <= read)])
    return rows, len(texts)


async def _found(search: Search, query: str, text: str) -> list[str]:
    request = SearchRequestedV1(query=text, legs=("bm25", "dense"), limit=FOUND)
    answer = await search.find(request, Context(tenant=TENANT, causation_id=query))
    return [hit.passage_id for hit in answer.hits]


def _row(key: str, n: int, chunk: Chunk, vector: Vectors) -> IndexedPassage:
    passage = Passage(
        passage_id(key, 1, n),
        n,
        chunk.title,
        chunk.text,
        chunk.start,
        chunk.end,
        headings=chunk.headings,
    )
    return IndexedPassage(passage, vector.astype("<f2").tobytes())


def _owner(chunk: Chunk, spans: Sequence[tuple[str, int, int]]) -> list[str]:
    """The passages that the chunk holds for the most part, or the one that most of it lies in.

    In the order of the text.
    """
    overlaps = [
        (passage, min(chunk.end, end) - max(chunk.start, start), end - start)
        for passage, start, end in spans
        if start < chunk.end and end > chunk.start
    ]
    held = [passage for passage, both, length in overlaps if both * 2 >= length]
    return held or [max(overlaps, key=lambda one: one[1])[0]] if overlaps else []


def _read(ranked: Sequence[str], owners: Mapping[str, tuple[list[str], Chunk]]) -> set[str]:
    read: set[str] = set()
    left = READ_CHARACTERS
    for one in ranked:
        passages, chunk = owners[one]
        left -= len(chunk.text)
        if left < 0:
            break
        read.update(passages)
    return read


async def table() -> list[str]:
    EMBEDDED.mkdir(parents=True, exist_ok=True)
    embedder = Embedder(EMBEDDED)
    lines = ["| set | chunking | chunks | nDCG@10 | to structure | all read | to structure |"]
    lines.append("|---|---|---|---|---|---|---|")
    for title, make in SETS.items():
        long: LongSet = make()
        base: list[list[float]] = []
        for name in CHUNKINGS:
            rows, count = await measure(name, long, embedder)
            base = base or rows
            means = np.array(rows).mean(axis=0)
            apart = intervals(np.array(rows) - np.array(base))
            told = [f"{one.mean:+.3f} ({one.low:+.3f} … {one.high:+.3f})" for one in apart]
            lines.append(
                f"| {title} | {name} | {count:,} | {means[0]:.3f} | {told[0]} | {means[1]:.2f}"
                f" | {told[1]} |"
            )
            print(lines[-1], file=sys.stderr, flush=True)
    return lines


def main() -> None:
    # Metrics of the measured parts go to stdout too.
    with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
        lines = asyncio.run(table())
    print("\n".join(lines))


if __name__ == "__main__":
    main()
