"""Real OpenSearch and Neo4j: recall and time of the legs, memory and disk as passages grow."""

import statistics
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from time import perf_counter

import numpy as np

from services.retrieval.models.filter import Scope
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.services.graph.hop import OWNERS_MAX, SEEDS
from services.retrieval.services.searching.search import LEG_DEPTH
from tests.bench.figures import Figure
from tests.bench.library import SETS, TENANT, Document, Library, version
from tests.bench.real_servers import NAMES, Servers, on_disk, servers
from tests.quality.embedder import Vectors

# Long documents: of short ones each would wait for a refresh of its own.
PASSAGES_A_DOCUMENT = 500
SMALL, LARGE = 5_000, 50_000
EVERY_NTH_QUERY = 4
LEAST_RECALL = 0.98
# Heaps are full-sized from the start (512 and 256 MB): what grows lies on disk, and is mapped.
MOST_MB = {"opensearch": 1_000, "neo4j": 900}
# Text, float32 vector and its links, words; names and edges, of which a passage has 35.
MOST_BYTES_A_PASSAGE = {"opensearch": 8_000, "neo4j": 4_000}


@dataclass
class Asked:
    """Of each query: milliseconds by leg, and the share of the exact nearest that was found."""

    ms: dict[str, list[float]] = field(default_factory=dict)
    recall: list[float] = field(default_factory=list)

    def median(self) -> str:
        return ", ".join(f"{leg} {statistics.median(ms):.1f}" for leg, ms in self.ms.items())


async def measure() -> list[Figure]:
    """Recall over the sets' own vectors; growth with kin."""
    library = Library()
    sets = [p for name in SETS for document in library.originals(name) for p in document.passages]
    kin = (p for document in library.kin() for p in document.passages)
    vectors = dict(islice(library.queries().items(), 0, None, EVERY_NTH_QUERY))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        async with servers(Path(name)) as held:
            await _put(held, "small", sets[:SMALL])
            small = held.resident()
            await _put(held, "rest", sets[SMALL:])
            asked = await _ask(held, vectors, sets)
            await _put(held, "kin", islice(kin, LARGE - len(sets)))
            again = await _ask(held, vectors)
            large = held.resident()
        disk = on_disk(Path(name))
    detail = f"{asked.median()} ms in {len(sets)} passages; {again.median()} in {LARGE}"
    recall = statistics.mean(asked.recall)
    first = Figure(f"HNSW recall@{LEG_DEPTH}", recall, LEAST_RECALL, "", True, detail)
    sizes = [_sizes(name, small[name], large[name], disk[name]) for name in NAMES]
    return [first, *chain.from_iterable(sizes)]


async def _put(held: Servers, name: str, passages: Iterable[IndexedPassage]) -> None:
    for document in _long(name, iter(passages)):
        await held.put(document)


def _long(name: str, passages: Iterator[IndexedPassage]) -> Iterator[Document]:
    while some := list(islice(passages, PASSAGES_A_DOCUMENT)):
        of = version(f"{name}-{some[0].passage.passage_id}")
        numbered = [replace(p, passage=replace(p.passage, n=n)) for n, p in enumerate(some)]
        yield Document(of, numbered)


async def _ask(
    held: Servers, vectors: Mapping[str, Vectors], passages: Sequence[IndexedPassage] = ()
) -> Asked:
    """Leg by leg; recall only where all the passages are given."""
    asked, scope = Asked(), Scope(TENANT)
    matrix = np.array([np.frombuffer(p.vector, "<f2") for p in passages], np.float32)
    for query, vector in vectors.items():
        started = perf_counter()
        found = await held.search.bm25(scope, query, LEG_DEPTH)
        after_words = perf_counter()
        near = await held.search.dense(scope, vector.tolist(), LEG_DEPTH)
        after_dense = perf_counter()
        seeds = [hit.passage_id for hit in (*found, *near)][:SEEDS]
        await held.graph.links(scope, seeds, OWNERS_MAX)
        ends = (started, after_words, after_dense, perf_counter())
        for leg, begin, end in zip(("bm25", "dense", "graph"), ends, ends[1:], strict=False):
            asked.ms.setdefault(leg, []).append((end - begin) * 1000)
        if passages:
            nearest = np.argsort(-(matrix @ vector), kind="stable")[:LEG_DEPTH]
            exact = {passages[at].passage.passage_id for at in nearest}
            asked.recall.append(len(exact & {hit.passage_id for hit in near}) / LEG_DEPTH)
    return asked


def _sizes(name: str, small: int, large: int, disk: int) -> list[Figure]:
    memory = f"{small / 1e6:.0f} MB at {SMALL} passages, this at {LARGE}"
    stored = f"{disk / 1e6:.0f} MB for {LARGE} passages"
    each = disk / LARGE
    return [
        Figure(f"{name} resident", large / 1e6, MOST_MB[name], "MB", False, memory),
        Figure(f"{name} on disk a passage", each, MOST_BYTES_A_PASSAGE[name], "B", False, stored),
    ]
