"""What only the OpenSearch adapter can do wrong: indices that do not fit, refusals, outages."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from opensearchpy import AsyncOpenSearch

from compose.local.ports import HOST, free_ports
from services.retrieval.models.embedding_space import EmbeddingSpace, OtherEmbeddingSpace
from services.retrieval.models.filter import Scope
from services.retrieval.store.opensearch import index_bodies
from services.retrieval.store.opensearch.bulk import Backoff
from services.retrieval.store.opensearch.indices import Indices, make, switch
from services.retrieval.store.opensearch.outages import outages
from services.retrieval.store.opensearch.store import OpenSearchStore, open_opensearch
from shared.errors import Unavailable
from tests.unit.retrieval.making import SPACE, passages_of, unit_vector, version

pytestmark = pytest.mark.real
SCOPE = Scope("acme")


@pytest_asyncio.fixture
async def client(opensearch_url: str) -> AsyncIterator[AsyncOpenSearch]:
    async with AsyncOpenSearch(opensearch_url) as opened:
        yield opened


async def test_the_index_is_named_for_its_model(
    opensearch_url: str, prefix: str, client: AsyncOpenSearch
) -> None:
    async with open_opensearch(opensearch_url, SPACE, prefix):
        pass
    wanted = {f"{prefix}heads", f"{prefix}passages-test.embedder-v1-8"}
    assert set(await client.indices.get(index=f"{prefix}*")) == wanted
    assert set(await client.indices.get_alias(name=f"{prefix}passages")) == wanted - {
        f"{prefix}heads"
    }


async def test_processes_may_start_at_once(opensearch_url: str, prefix: str) -> None:
    async def start() -> None:
        async with open_opensearch(opensearch_url, SPACE, prefix) as store:
            await store.ping()

    await asyncio.gather(*(start() for _ in range(4)))


async def test_another_model_than_the_served_one_is_refused(
    opensearch_url: str, prefix: str, client: AsyncOpenSearch
) -> None:
    other = EmbeddingSpace("other.embedder", 8)
    async with open_opensearch(opensearch_url, SPACE, prefix):
        with pytest.raises(OtherEmbeddingSpace, match=r"services\.retrieval\.rebuild"):
            async with open_opensearch(opensearch_url, other, prefix):
                raise AssertionError("opened")
        await make(client, Indices(prefix, other))
        await switch(client, Indices(prefix, other))
        async with open_opensearch(opensearch_url, other, prefix) as store:
            await store.ping()
        with pytest.raises(OtherEmbeddingSpace, match=r"test\.embedder-v1"):
            async with open_opensearch(opensearch_url, SPACE, prefix):
                raise AssertionError("opened")


async def test_an_index_that_was_made_for_something_else_is_refused(
    opensearch_url: str, prefix: str, client: AsyncOpenSearch
) -> None:
    indices = Indices(prefix, SPACE)
    body = index_bodies.passages(EmbeddingSpace("test.embedder-v1", 16))
    await client.indices.create(index=indices.passages, body=body)
    with pytest.raises(OtherEmbeddingSpace, match="delete the index"):
        async with open_opensearch(opensearch_url, SPACE, prefix):
            raise AssertionError("opened")


async def test_words_are_cut_as_the_embedded_store_cuts_them(
    opensearch_url: str, prefix: str, client: AsyncOpenSearch
) -> None:
    async with open_opensearch(opensearch_url, SPACE, prefix):
        pass
    text = "The Harbour's café_closed:early, and the cats'"
    index = Indices(prefix, SPACE).passages
    told = await client.indices.analyze(index=index, body={"analyzer": "passage", "text": text})
    words = [token["token"] for token in told["tokens"]]
    assert words == ["harbour", "cafe", "close", "earli", "cat"]
    query = " ".join(f"word{n % 90} the" for n in range(3_000))
    told = await client.indices.analyze(index=index, body={"analyzer": "query", "text": query})
    assert len(told["tokens"]) == index_bodies.MAX_QUERY_WORDS


async def test_phrases_identifiers_and_slips(opensearch_url: str, prefix: str) -> None:
    texts = ["the froze harbour", "a harbour froze over", "ticket INC-2025-014", "INC 014 of 2025"]
    async with open_opensearch(opensearch_url, SPACE, prefix) as store:
        await store.index(version("acme", "d"), passages_of("d", 1, texts))
        await store.promote("acme", "d", 1)

        async def found(query: str) -> list[str]:
            return [hit.passage_id for hit in await store.bm25(SCOPE, query, 10)]

        assert await found('"harbour froze"') == ["d:1:1"]
        assert await found('"froze over the harbour"') == []
        assert (await found("status of INC-2025-014"))[0] == "d:1:2"
        assert set(await found("hrabour")) == {"d:1:0", "d:1:1"}
        assert await found('"hrabour"') == []


async def test_a_vector_without_direction_is_indexed_and_asked_without_error(
    opensearch_url: str, prefix: str
) -> None:
    (indexed,) = passages_of("d", 1, ["harbour"])
    nowhere = type(indexed)(indexed.passage, bytes(len(indexed.vector)))
    async with open_opensearch(opensearch_url, SPACE, prefix) as store:
        assert await store.index(version("acme", "d"), [nowhere]) == 1
        await store.promote("acme", "d", 1)
        assert len(await store.bm25(SCOPE, "harbour", 5)) == 1
        assert await store.dense(SCOPE, unit_vector("harbour"), 5) == []
        assert await store.dense(SCOPE, [0.0] * 8, 5) == []


async def test_hnsw_finds_what_is_nearest(opensearch_url: str, prefix: str) -> None:
    """Against the embedded store's exact cosine, over more rows than one walk of the graph sees."""
    texts = [f"{n} {n * 7 % 101} {n * 13 % 97} harbour" for n in range(1_500)]
    async with open_opensearch(opensearch_url, SPACE, prefix) as store:
        await store.index(version("acme", "d"), passages_of("d", 1, texts))
        await store.promote("acme", "d", 1)
        question = unit_vector("12 50 71 harbour")
        found = await store.dense(SCOPE, question, 100)
    exact = sorted(
        (sum(a * b for a, b in zip(unit_vector(text), question, strict=True)) for text in texts),
        reverse=True,
    )
    missed = [hit for hit in found if hit.score < exact[99] - 0.001]
    assert len(found) == 100
    assert len(missed) <= 2


async def test_a_node_that_is_gone_is_an_outage() -> None:
    (port,) = free_ports(1)
    async with AsyncOpenSearch(f"http://{HOST}:{port}", max_retries=0) as client:
        store = OpenSearchStore(client, Indices("x-", SPACE), Backoff())
        attempts = (
            store.ping(),
            store.index(version("acme", "d"), passages_of("d", 1, ["a"])),
            store.promote("acme", "d", 1),
            store.heads("acme", ["d"]),
            store.purge("acme", "d"),
            store.bm25(SCOPE, "a", 1),
            store.dense(SCOPE, [1.0] * 8, 1),
            store.passages("acme", ["d:1:0"]),
        )
        for attempt in attempts:
            with pytest.raises(Unavailable, match="opensearch"):
                await attempt


async def test_an_error_of_ours_is_no_outage(client: AsyncOpenSearch) -> None:
    with pytest.raises(Exception, match="parsing_exception") as raised, outages():
        await client.search(body={"query": {"no_such_query": {}}})
    assert not isinstance(raised.value, Unavailable)
