"""Fifty passages through the Bedrock stand-in's Rerank, as a search sends them."""

import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from compose.local.fleet import Fleet
from compose.local.layout import Layout
from compose.local.parts.bedrock import bedrock
from compose.local.ports import HOST, free_ports
from compose.local.process_list import ProcessList
from compose.local.progress import Silent
from contracts.envelope import Context, new_id
from contracts.retrieval.search import SearchRequestedV1
from services.retrieval.services.searching.ranking import DEPTH, Reranker
from services.retrieval.services.searching.search import Search
from services.retrieval.store.sqlite.store import open_sqlite
from shared.bedrock import open_model
from shared.breaker import Breaker
from shared.metering import Metering
from shared.ports import Model
from shared.settings import Settings
from shared.testing.fakes import FakePublisher
from tests.bench.figures import Figure
from tests.bench.library import TENANT, Document, Library
from tests.quality.embedder import SPACE

DOCUMENTS, QUERIES = 1_000, 100
LIMIT_MS = 15.0


async def measure() -> list[Figure]:
    """The reranking leg of searches in passages that the same process has embedded before."""
    library = Library()
    documents = list(islice(library.originals("scifact"), DOCUMENTS))
    queries = list(library.queries("scifact"))[:QUERIES]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with _model(folder) as model, open_sqlite(folder, SPACE) as store:
            for document in await _embedded(model, documents):
                await document.put(store)
            reranker = Reranker(model, "amazon.rerank-v1:0", 5.0, Breaker())
            metering = Metering("retrieval", FakePublisher())
            search = Search(store, model, SPACE, metering, reranker)
            took = [await _reranking_ms(search, query) for query in queries]
    detail = f"p95 {statistics.quantiles(took, n=20)[-1]:.0f}; {len(took)} queries, over HTTP"
    name = f"reranking {DEPTH} passages"
    return [Figure(name, statistics.median(took), LIMIT_MS, "ms", False, detail)]


@asynccontextmanager
async def _model(folder: Path) -> AsyncIterator[Model]:
    """The services' own client, in front of a stand-in as `make run` starts it."""
    layout = Layout(folder)
    layout.prepare()
    (port,) = free_ports(1)
    fleet = Fleet(layout.logs, ProcessList(layout.processes), Silent())
    try:
        await fleet.run(bedrock(layout, port))
        url = f"http://{HOST}:{port}"
        settings = Settings(bedrock_endpoint_url=url, embedding_dimension=SPACE.dimension)
        async with open_model(settings) as model:
            yield model
    finally:
        await fleet.stop(["bedrock"])


async def _embedded(model: Model, documents: Sequence[Document]) -> list[Document]:
    """With the vectors that the stand-in gives, which keeps the tokens' own for reranking."""
    passages = [p for document in documents for p in document.passages]
    texts = [p.passage.matched_text for p in passages]
    answer = await model.embed(SPACE.model, texts, "passage")
    vectors = (np.asarray(vector, "<f2").tobytes() for vector in answer.vectors)
    return [
        replace(document, passages=[replace(p, vector=next(vectors)) for p in document.passages])
        for document in documents
    ]


async def _reranking_ms(search: Search, query: str) -> float:
    request = SearchRequestedV1(query=query, legs=("bm25", "dense", "rerank"), limit=DEPTH)
    answer = await search.find(request, Context(tenant=TENANT, causation_id=new_id()))
    assert answer.legs["rerank"] == "applied"
    missing = [hit.passage_id for hit in answer.hits if hit.explain.rerank is None]
    assert not missing, f"not reranked, so not kept when it was embedded: {missing}"
    assert len(answer.hits) == DEPTH
    return answer.took_ms["rerank"]
