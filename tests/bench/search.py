"""What a search costs beside its store and models."""

import statistics
import tempfile
from pathlib import Path

from services.retrieval.store.sqlite.store import open_sqlite
from tests.bench.asking import search_all
from tests.bench.figures import Figure
from tests.bench.library import Library, fill
from tests.quality.embedder import SPACE

PASSAGES = 5_000
LIMIT_MS = 3.5


async def measure() -> list[Figure]:
    """The median over scifact's queries in its own passages, all legs on."""
    library = Library()
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder), SPACE) as store:
            held = await fill(store, library.originals("scifact"), PASSAGES)
            vectors = library.queries("scifact")
            times = await search_all(store, vectors, ("bm25", "dense", "graph", "rerank"))
    whole = statistics.median(times.total)
    detail = f"of {whole:.1f} ms a search, {len(vectors)} queries, {held} passages"
    own = statistics.median(times.own)
    return [Figure("search beside its calls", own, LIMIT_MS, "ms", False, detail)]
