"""Retrieval's figures on public sets, through its own indexing and search, without the queues."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from contracts.envelope import Context, derived_id
from contracts.ingestion.document import Counts
from contracts.ingestion.events import DocumentChunkedV1
from contracts.ingestion.manifest import (
    ChunkLine,
    encode_vector,
    manifest_key,
    passage_id,
    write,
)
from contracts.retrieval.search import Leg, SearchRequestedV1
from services.ingestion.services.entities.extracting import extract
from services.retrieval.models.passage import Passage
from services.retrieval.services.indexing.indexing import Indexing
from services.retrieval.services.indexing.manifests import Manifests
from services.retrieval.services.ports import SearchStore
from services.retrieval.services.searching.search import Search
from services.retrieval.store.sqlite.store import open_sqlite
from shared.metering import Metering
from shared.testing.fakes import FakeBlobs, FakePublisher
from tests.quality.embedder import SPACE, Embedder, QueryModel, Vectors
from tests.quality.evaluation_set import EvaluationSet, load
from tests.unit.retrieval.fakes import FakeModel

TENANT = "quality"
# Measured: .7357 and .8276; words alone .6936 and .7997.
GOALS: Mapping[str, tuple[float, float]] = {"scifact": (0.73, 0.69), "hotpotqa": (0.825, 0.795)}
# Measured: -.0023 on single questions (names of one word), +.0788 on questions of two hops.
GRAPH_GAINS = {"scifact": -0.003, "hotpotqa": 0.07}


@pytest.fixture(scope="session")
def embedder(pytestconfig: pytest.Config) -> Embedder:
    return Embedder(pytestconfig.cache.mkdir("embeddings"))


async def index(store: SearchStore, documents: EvaluationSet, embedder: Embedder) -> None:
    """One passage a document: the sets' documents are no longer than a chunk."""
    texts = [matched(title, text) for title, text in documents.documents.values()]
    blobs, publisher = FakeBlobs(), FakePublisher()
    metering = Metering("retrieval", publisher)
    indexing = Indexing(store, Manifests(blobs, FakeModel(), metering, SPACE), publisher)
    vectors = embedder.encode(texts)
    rows = zip(documents.documents.items(), vectors, strict=True)
    for (document_id, (title, text)), vector in rows:
        key = manifest_key(TENANT, document_id, 1)
        await blobs.put(key, manifest(document_id, title, text, vector))
        context = Context(tenant=TENANT, causation_id=derived_id(document_id))
        await indexing.index(chunked(document_id), context)
    assert len(publisher.on("documents")) == len(documents.documents)


def matched(title: str, text: str) -> str:
    return Passage("", 0, title, text, 0, 0).matched_text


def manifest(document_id: str, title: str, text: str, vector: Vectors) -> bytes:
    found = extract(title, [], text)
    line = ChunkLine(
        passage_id=passage_id(document_id, 1, 0),
        n=0,
        title=title,
        text=text,
        start=0,
        end=len(text),
        mentions=found.mentions,
        about=found.about,
        model=SPACE.model,
        dimension=SPACE.dimension,
        vector=encode_vector(np.asarray(vector, "<f2").tobytes()),
    )
    return write([line])


def chunked(document_id: str) -> DocumentChunkedV1:
    return DocumentChunkedV1(
        document_id=document_id,
        name=f"{document_id}.txt",
        ordinal=1,
        content_hash="",
        manifest_key=manifest_key(TENANT, document_id, 1),
        model=SPACE.model,
        dimension=SPACE.dimension,
        counts=Counts(chunks=1),
        media_type="text/plain",
        created_at=datetime.now(UTC),
    )


async def rankings(
    search: Search, queries: Mapping[str, str], legs: Sequence[Leg]
) -> dict[str, list[str]]:
    found = {}
    for query_id, query in queries.items():
        request = SearchRequestedV1(query=query, legs=tuple(legs), limit=10)
        answer = await search.find(request, Context(tenant=TENANT, causation_id=query_id))
        assert set(answer.legs.values()) == {"applied"}
        found[query_id] = [hit.document_id for hit in answer.hits]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", GOALS)
async def test_the_recipe_holds_its_figures(name: str, tmp_path: Path, embedder: Embedder) -> None:
    measured = load(name)
    model = QueryModel(embedder, list(measured.queries.values()))
    async with open_sqlite(tmp_path, SPACE) as store:
        await index(store, measured, embedder)
        search = Search(store, model, SPACE, Metering("retrieval", FakePublisher()), graph=store)
        fused = measured.ndcg10(await rankings(search, measured.queries, ["bm25", "dense"]))
        words = measured.ndcg10(await rankings(search, measured.queries, ["bm25"]))
        legs: list[Leg] = ["bm25", "dense", "graph"]
        linked = measured.ndcg10(await rankings(search, measured.queries, legs))
    goal, goal_words = GOALS[name]
    assert fused >= goal
    assert words >= goal_words
    assert fused > words
    assert linked - fused >= GRAPH_GAINS[name]
