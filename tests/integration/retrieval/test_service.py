"""Retrieval as a whole: a manifest goes in by its event and comes out by a request."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from compose.local.provision import provision
from contracts.envelope import Context
from contracts.ingestion.document import Counts
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.ingestion.manifest import ChunkLine, encode_vector, manifest_key, write
from contracts.retrieval.graph import GraphAnsweredV1, GraphRequestedV1
from contracts.retrieval.search import SearchAnsweredV1, SearchRequestedV1
from services.retrieval.bootstrap import bootstrap
from services.retrieval.settings import RetrievalSettings
from shared.blobs import open_blobs
from shared.errors import RequestRefused
from shared.messaging import BusPublisher, BusRequester, open_bus
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.probe import until
from shared.testing.running import running
from tests.unit.retrieval.fakes import FakeModel
from tests.unit.retrieval.making import SPACE, passages_of

CONTEXT = Context(tenant="acme", principal="ann")
QUERIES = "retrieval-queries"
# Nothing here is about speed.
BUDGET_MS = 15_000
TEXTS = ["The harbour froze", "Apples ripen"]


def manifest() -> bytes:
    return write(
        ChunkLine(
            passage_id=made.passage.passage_id,
            n=made.passage.n,
            text=made.passage.text,
            mentions=("orchard",) if made.passage.n == 0 else (),
            about=("orchard",) if made.passage.n == 1 else (),
            start=0,
            end=len(made.passage.text),
            model=SPACE.model,
            dimension=SPACE.dimension,
            vector=encode_vector(made.vector),
        )
        for made in passages_of("d", 1, TEXTS)
    )


def chunked() -> DocumentChunkedV1:
    return DocumentChunkedV1(
        document_id="d",
        name="d.md",
        ordinal=1,
        content_hash="h",
        manifest_key=manifest_key("acme", "d", 1),
        model=SPACE.model,
        dimension=SPACE.dimension,
        counts=Counts(chunks=len(TEXTS)),
        media_type="text/markdown",
        created_at=datetime.now(UTC),
    )


async def asked(requester: BusRequester) -> GraphAnsweredV1:
    request = GraphRequestedV1(entity="The Orchard")
    return await requester.ask(QUERIES, request, GraphAnsweredV1, CONTEXT, BUDGET_MS)


@pytest.fixture
def embedded_stores(tmp_path: Path) -> dict[str, Any]:
    return {"sqlite_path": tmp_path, "name_prefix": own_prefix()}


@pytest.fixture
def real_stores(opensearch_url: str, prefix: str, neo4j_url: str) -> dict[str, Any]:
    return {
        "search_store": "opensearch",
        "opensearch_url": opensearch_url,
        "neo4j_url": neo4j_url,
        "name_prefix": prefix,
    }


@pytest.fixture(params=["embedded_stores", pytest.param("real_stores", marks=pytest.mark.real)])
def stores(request: pytest.FixtureRequest) -> dict[str, Any]:
    made: dict[str, Any] = request.getfixturevalue(request.param)
    return made


async def test_what_was_chunked_is_found_and_what_was_deleted_is_not(
    moto_url: str, stores: dict[str, Any]
) -> None:
    settings = RetrievalSettings(
        **stores,
        aws_endpoint_url=moto_url,
        aws_account=MOTO_ACCOUNT,
        poll_wait_s=1,
        leg_budget_ms=BUDGET_MS,
        embedding_model=SPACE.model,
        embedding_dimension=SPACE.dimension,
    )
    await provision(settings)
    async with (
        open_blobs(settings) as blobs,
        open_bus(settings, blobs) as bus,
        bootstrap(settings, model=FakeModel(), blobs=blobs, bus=bus) as service,
    ):
        requester, publisher = BusRequester(bus), BusPublisher(bus)

        async def found() -> SearchAnsweredV1:
            request = SearchRequestedV1(query="harbour")
            return await requester.ask(QUERIES, request, SearchAnsweredV1, CONTEXT, BUDGET_MS)

        async def found_text() -> str:
            hits = (await found()).hits
            return hits[0].text if hits else ""

        async def announced() -> int:
            return await bus.depth("ingestion-events")

        async with running(requester, *service.runnables):
            await blobs.put(chunked().manifest_key, manifest())
            await publisher.publish_now("documents", chunked(), CONTEXT)
            assert await until(found_text) == "The harbour froze"
            assert await until(announced) == 1
            answer = await found()
            assert answer.legs == dict.fromkeys(("bm25", "dense", "graph", "rerank"), "applied")
            (step,) = [hit.explain.graph for hit in answer.hits if hit.explain.graph]
            assert step.path[0]["entity"] == "orchard"
            around = await asked(requester)
            assert around.entity.written == "orchard"
            assert [one.text for one in around.passages] == ["Apples ripen", "The harbour froze"]
            gone = DocumentDeletedV1(document_id="d", ordinal=1)
            await publisher.publish_now("documents", gone, CONTEXT)

            async def nothing() -> bool:
                return not (await found()).hits

            assert await until(nothing)
            with pytest.raises(RequestRefused, match="No document that you can see has this name"):
                await asked(requester)
