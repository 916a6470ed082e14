"""A process that holds the embedded store and nothing else. Prints its memory, twice."""

import asyncio
import sys
from pathlib import Path

import numpy as np
import psutil

from services.retrieval.models.embedding_space import EmbeddingSpace
from services.retrieval.models.filter import Scope
from services.retrieval.store.sqlite.store import SqliteSearchStore, open_sqlite
from tests.quality.evaluation_set import load

TENANT, SPACE = "bench", EmbeddingSpace("local.minilm-l6-v2", 384)
QUERIES, K, SEEDS, OWNERS_MAX = 200, 100, 5, 3


async def main() -> None:
    async with open_sqlite(Path(sys.argv[1]), SPACE) as store:
        print(_resident(), flush=True)
        await _ask(store)
        print(_resident(), flush=True)


async def _ask(store: SqliteSearchStore) -> None:
    """What a search asks of it, for the pages that it keeps from then on."""
    chance, scope = np.random.default_rng(5), Scope(TENANT)
    some = [query for name in ("scifact", "hotpotqa") for query in load(name).queries.values()]
    for query in chance.permutation(some)[:QUERIES]:
        vector = chance.standard_normal(SPACE.dimension)
        nearest = store.dense(scope, list(vector / np.linalg.norm(vector)), K)
        found, near = await asyncio.gather(store.bm25(scope, str(query), K), nearest)
        ids = [hit.passage_id for hit in (*found, *near)]
        await store.heads(TENANT, [hit.document_id for hit in (*found, *near)])
        await store.passages(TENANT, ids)
        await store.links(scope, ids[:SEEDS], OWNERS_MAX)


def _resident() -> int:
    return int(psutil.Process().memory_full_info().pss)


if __name__ == "__main__":
    asyncio.run(main())
