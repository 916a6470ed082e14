"""The embedded search store from 5,000 to 50,000 passages: time of a search, and memory."""

import asyncio
import random
import statistics
import sys
import tempfile
from pathlib import Path

from services.retrieval.store.sqlite.store import open_sqlite
from tests.bench.asking import search_all
from tests.bench.figures import Figure
from tests.bench.library import Library, fill
from tests.quality.embedder import SPACE

SIZES = (5_000, 15_000, 50_000)
QUERIES = 300
LIMIT_MS = 60.0
# Vectors in memory are float32; beside them stand ids, and pages that SQLite keeps.
LIMIT_BYTES = 4 * SPACE.dimension + 3_000


async def measure() -> list[Figure]:
    """A search without reranker and queue; its query's vector is given."""
    library, held = Library(), 0
    documents = library.documents()
    resident: dict[int, tuple[int, int]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in SIZES:
            async with open_sqlite(folder, SPACE) as store:
                held += await fill(store, documents, size - held)
            resident[held] = await _resident(folder)
        async with open_sqlite(folder, SPACE) as store:
            vectors = library.queries()
            asked = random.Random(3).sample(sorted(vectors), QUERIES)
            some = {query: vectors[query] for query in asked}
            times = await search_all(store, some, ("bm25", "dense", "graph"))
    slowest = statistics.quantiles(times.total, n=20)[-1]
    detail = f"p95 {slowest:.0f}; {times.of('bm25', 'dense', 'read', 'graph')}; {held} passages"
    took = statistics.median(times.total)
    return [
        Figure("search in 50,000 passages", took, LIMIT_MS, "ms", False, detail),
        _growth(resident),
    ]


async def _resident(folder: Path) -> tuple[int, int]:
    """Bytes of a process that has opened the store, and of one that has been asked for a while."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.store_process", str(folder)),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output
    opened, asked = map(int, output.split())
    return opened, asked


def _growth(resident: dict[int, tuple[int, int]]) -> Figure:
    least, most = min(resident), max(resident)
    per_passage = [
        (more - less) / (most - least)
        for less, more in zip(resident[least], resident[most], strict=True)
    ]
    sizes = "; ".join(f"{n}: {asked / 1e6:.0f} MB" for n, (_, asked) in resident.items())
    detail = f"{sizes}; {per_passage[0]:.0f} B before the first query"
    return Figure("store's memory a passage", per_passage[1], LIMIT_BYTES, "B", False, detail)
