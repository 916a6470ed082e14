"""The graph leg inside a search: what it brings in, what it must not, and what it says."""

from dataclasses import replace
from typing import Any

import pytest

from contracts.retrieval.search import SearchAnsweredV1, Weights
from services.retrieval.models.document import Head
from services.retrieval.models.graph import QUESTION, Link
from tests.unit.retrieval.house import House
from tests.unit.retrieval.making import passage, version
from tests.unit.retrieval.memory_store import MemoryStore

FILM, PERSON = "a film about a harbour", "born in 1958"


async def filled(person_visible_to: tuple[str, ...] | None = None) -> MemoryStore:
    """The film names its director; no word of a question about the film stands in his passage."""
    store = MemoryStore()
    film = replace(passage("film", 1, 0, FILM), mentions=("tim burton",))
    person = replace(passage("person", 1, 0, PERSON), about=("tim burton",))
    for name, held, seen_by in (("film", film, None), ("person", person, person_visible_to)):
        await store.index(version("acme", name, visibility=seen_by), [held])
        await store.promote("acme", name, 1)
    return store


async def ask(store: MemoryStore, graph: Any, **fields: Any) -> SearchAnsweredV1:
    async with House(store=store, graph=graph) as house:
        query = fields.pop("query", "harbour film")
        return await house.ask(query, **{"legs": ("bm25", "graph")} | fields)


async def test_what_the_first_hit_names_comes_in_and_says_why() -> None:
    store = await filled()
    answer = await ask(store, store)
    assert answer.legs == {"bm25": "applied", "graph": "applied"}
    assert [hit.text for hit in answer.hits] == [FILM, PERSON]
    explain = answer.hits[1].explain
    assert explain.graph is not None
    assert (explain.bm25, explain.fused, explain.graph.rank) == (None, None, 1)
    assert explain.graph.path == (
        {
            "entity": "tim burton",
            "from_passage": "film:1:0",
            "to_passage": "person:1:0",
            "relation": "names",
            "named_by": 1,
        },
    )
    assert answer.hits[0].explain.graph is None
    assert "graph" in answer.took_ms


async def test_the_weight_is_the_requests() -> None:
    store = await filled()
    low = await ask(store, store, weights=Weights(graph=0.1))
    high = await ask(store, store, weights=Weights(graph=0.9))
    assert low.hits[1].score < high.hits[1].score


async def test_without_the_leg_nothing_is_followed() -> None:
    store = await filled()
    answer = await ask(store, store, legs=("bm25",))
    assert [hit.text for hit in answer.hits] == [FILM]
    assert answer.legs == {"bm25": "applied"}


async def test_without_a_graph_or_a_hit_the_leg_is_skipped() -> None:
    assert (await ask(await filled(), None)).legs["graph"] == "skipped"
    assert (await ask(MemoryStore(), MemoryStore())).legs["graph"] == "skipped"


async def test_a_graph_that_is_down_is_named_and_left_out() -> None:
    store = await filled()
    store.down = {"links"}
    answer = await ask(store, store)
    assert answer.legs == {"bm25": "applied", "graph": "failed"}
    assert [hit.text for hit in answer.hits] == [FILM]


async def test_what_the_asker_may_not_see_is_not_reached() -> None:
    store = await filled(person_visible_to=("group:law",))
    assert [hit.text for hit in (await ask(store, store)).hits] == [FILM]
    allowed = await ask(store, store, visible_to=("group:law",))
    assert [hit.text for hit in allowed.hits] == [FILM, PERSON]


@pytest.mark.parametrize("head", [Head(1, live=False), Head(2, live=True), None])
async def test_a_graph_behind_the_heads_brings_nothing_back(head: Head | None) -> None:
    class Behind:
        async def links(self, *_: Any) -> list[Link]:
            return [Link("film:1:0", "tim burton", "person:1:0", "person", 1, 1)]

        async def owners(self, *_: Any) -> list[Link]:
            return [Link(QUESTION, "tim burton", "person:1:0", "person", 1, 1)]

    store = await filled()
    assert len((await ask(store, Behind())).hits) == 2
    if head is None:
        del store.head["acme", "person"]
    else:
        store.head["acme", "person"] = head
    assert [hit.text for hit in (await ask(store, Behind())).hits] == [FILM]


async def test_what_the_question_itself_names_comes_in_though_no_leg_found_it() -> None:
    store = await filled()
    answer = await ask(store, store, query="Which harbour did Tim Burton's friends build?")
    assert {hit.text for hit in answer.hits} == {FILM, PERSON}
    (person,) = (hit for hit in answer.hits if hit.text == PERSON)
    assert person.explain.bm25 is None
    assert person.explain.graph is not None
    assert person.explain.graph.path == (
        {
            "entity": "tim burton",
            "to_passage": "person:1:0",
            "relation": "asked",
            "named_by": 1,
        },
    )


async def test_a_name_of_the_question_opens_nothing() -> None:
    store = await filled(person_visible_to=("group:law",))
    asked = "Which harbour did Tim Burton build?"
    assert [hit.text for hit in (await ask(store, store, query=asked)).hits] == [FILM]


async def test_what_the_question_names_is_a_seed_of_the_hop() -> None:
    """The film is named, and not found; what it names comes in over it."""
    store = await filled()
    film = replace(passage("film", 2, 0, FILM), mentions=("tim burton",), about=("ed wood",))
    await store.index(version("acme", "film", 2), [film])
    await store.promote("acme", "film", 2)
    for n in range(3):
        await store.index(version("acme", f"d{n}"), [passage(f"d{n}", 1, 0, f"who directed {n}")])
        await store.promote("acme", f"d{n}", 1)
    answer = await ask(store, store, query="who directed Ed Wood", limit=20)
    assert [hit.text for hit in answer.hits if hit.explain.bm25 is None] == [FILM, PERSON]
