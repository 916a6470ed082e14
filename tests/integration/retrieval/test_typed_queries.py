"""What people type against the real stores: slips, unspaced scripts, quotes, identifiers."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.retrieval.models.filter import Scope
from services.retrieval.services.ports import SearchStore
from tests.integration.retrieval.conftest import OpenStore
from tests.unit.retrieval.making import passage, passages_of, version

TEXTS = [
    "The harbour froze in January",
    "Ripe apples in the orchards",
    "冬天港口结冰了",
    "Incident INC-2025-014 closed the port",
    "Incident INC-2025-015 and 014 opened the port",
    "A clause on force majeure",
    "The majeure of the force",
    "ท่าเรือเป็นน้ำแข็งในฤดูหนาว",
    "港湾は一月に凍った",
]


@pytest.fixture(params=["sqlite", pytest.param("opensearch", marks=pytest.mark.real)])
def open_real(request: pytest.FixtureRequest) -> OpenStore:
    made: OpenStore = request.getfixturevalue(request.param)
    return made


@pytest_asyncio.fixture
async def store(open_real: OpenStore) -> AsyncIterator[SearchStore]:
    async with open_real() as opened:
        await opened.index(version("acme", "d"), passages_of("d", 1, TEXTS))
        await opened.promote("acme", "d", 1)
        await opened.index(version("rival", "r"), passages_of("r", 1, ["zeppelin"]))
        await opened.promote("rival", "r", 1)
        yield opened


async def found(store: SearchStore, query: str, tenant: str = "acme") -> list[int]:
    hits = await store.bm25(Scope(tenant), query, 10)
    return [int(hit.passage_id.rpartition(":")[2]) for hit in hits]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("harbuor", 0),
        ("harbuors", 0),
        ("Januray", 0),
        ("aples", 1),
        ("orchrad", 1),
        ("港口", 2),
        ("港口何时结冰", 2),
        ("ท่าเรือ", 7),
        ("凍った港湾", 8),
        ("INC-2025-014", 3),
        ("what was inc-2025-014 about", 3),
        ('"force majeure"', 5),
    ],
)
async def test_what_is_meant_is_found_first(store: SearchStore, query: str, first: int) -> None:
    assert (await found(store, query))[:1] == [first]


@pytest.mark.parametrize(
    "query", ["zepellin", "xyzzy", "prot", '"harbuor"', "船", "the of and", "\x00"]
)
async def test_what_is_not_there_is_not_found(store: SearchStore, query: str) -> None:
    assert await found(store, query) == ([3, 4] if query == "prot" else [])


async def test_words_that_are_found_are_not_mended(store: SearchStore) -> None:
    assert await found(store, "harbour orchrad") == [0]


async def test_the_embedded_store_keeps_the_little_words_of_a_phrase(sqlite: OpenStore) -> None:
    """OpenSearch finds more, of which the search keeps what really holds the phrase."""
    async with sqlite() as store:
        await store.index(version("acme", "d"), passages_of("d", 1, TEXTS))
        await store.promote("acme", "d", 1)
        assert await found(store, '"of majeure"') == []
        assert await found(store, '"of the force"') == [6]


async def test_a_word_in_the_title_counts_more_than_one_in_the_text(open_real: OpenStore) -> None:
    texts = [("Ships", "the harbour and the pier"), ("Harbour", "the ships and the pier")]
    async with open_real() as store:
        for n, (title, text) in enumerate(texts):
            await store.index(version("acme", f"t{n}"), [passage(f"t{n}", 1, 0, text, title)])
            await store.promote("acme", f"t{n}", 1)
        first, second = await store.bm25(Scope("acme"), "harbour", 10)
        assert (first.document_id, second.document_id) == ("t1", "t0")
        assert first.score > 1.1 * second.score
        read = await store.passages("acme", ["t1:1:0"])
        assert read["t1:1:0"].passage.title == "Harbour"


@pytest.mark.parametrize(
    "query",
    ["harbour froze harbour", "harbour harbours froze", "HARBOUR froze freezing frozen Harbour's"],
)
async def test_a_word_that_comes_again_counts_once(store: SearchStore, query: str) -> None:
    """`freezing` and `frozen` stand in no text: they add nothing."""
    once = await store.bm25(Scope("acme"), "harbour froze", 10)
    again = await store.bm25(Scope("acme"), query, 10)
    assert [hit.passage_id for hit in again] == [hit.passage_id for hit in once]
    assert [hit.score for hit in again] == pytest.approx([hit.score for hit in once])
