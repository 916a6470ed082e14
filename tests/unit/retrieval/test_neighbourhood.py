"""What stands around an entity: relations, evidence, scope, and what is said of the unknown."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from contracts.envelope import Context
from contracts.platform.replies import RequestFailedV1
from contracts.retrieval.graph import GraphAnsweredV1, GraphRequestedV1
from services.retrieval.models.document import Head
from services.retrieval.models.graph import Place
from services.retrieval.services.graph.neighbourhood import PASSAGES_MAX
from shared.errors import Unavailable
from tests.unit.retrieval.house import CONTEXT, House
from tests.unit.retrieval.making import passage, version
from tests.unit.retrieval.memory_store import MemoryStore


async def put(
    store: MemoryStore,
    document_id: str,
    text: str,
    about: tuple[str, ...],
    mentions: tuple[str, ...],
    visible_to: tuple[str, ...] | None = None,
    title: str = "",
) -> None:
    held = replace(passage(document_id, 1, 0, text, title), about=about, mentions=mentions)
    await store.index(version("acme", document_id, visibility=visible_to), [held])
    await store.promote("acme", document_id, 1)


async def filled() -> MemoryStore:
    """Burton made the film, which names him; Elfman is named by the film alone."""
    store = MemoryStore()
    await put(store, "man", "Tim Burton made Batman.", ("tim burton", "burton"), ("batman",))
    await put(store, "film", "Batman, by Tim Burton.", ("batman",), ("tim burton", "elfman"))
    await put(store, "music", "A composer.", ("elfman",), (), title="Danny Elfman")
    await put(store, "award", "Tim Burton's award", ("award",), ("tim burton", "nobody"))
    return store


async def replied(
    store: MemoryStore,
    entity: str,
    graph: Any = None,
    *,
    context: Context = CONTEXT,
    budget_ms: int = 5_000,
    **fields: Any,
) -> Any:
    settings = {"leg_budget_ms": budget_ms}
    async with House(store=store, graph=graph or store, settings=settings) as house:
        return await house.reply(GraphRequestedV1(entity=entity, **fields), context)


async def ask(store: MemoryStore, entity: str, graph: Any = None, **fields: Any) -> GraphAnsweredV1:
    answer = await replied(store, entity, graph, **fields)
    assert isinstance(answer, GraphAnsweredV1)
    return answer


async def refused(store: MemoryStore, entity: str, graph: Any = None, **how: Any) -> str:
    failed = await replied(store, entity, graph, **how)
    assert isinstance(failed, RequestFailedV1)
    assert failed.code == "not_found"
    return failed.message


def relations(answer: GraphAnsweredV1) -> dict[str, str]:
    return {one.name: one.relation for one in answer.entities}


def edges(answer: GraphAnsweredV1) -> set[tuple[str, str, str, tuple[str, ...]]]:
    return {(edge.source, edge.kind, edge.target, edge.passages) for edge in answer.edges}


async def test_an_entity_comes_with_its_neighbours_and_their_evidence() -> None:
    answer = await ask(await filled(), "Tim Burton")
    assert (answer.entity.name, answer.entity.written) == ("tim burton", "Tim Burton")
    assert answer.entity.named_by == 2
    assert relations(answer) == {
        "batman": "names each other",
        "burton": "same as",
        "award": "named by",
    }
    assert edges(answer) == {
        ("tim burton", "same as", "burton", ("man:1:0",)),
        ("tim burton", "names", "batman", ("man:1:0",)),
        ("batman", "names", "tim burton", ("film:1:0",)),
        ("award", "names", "tim burton", ("award:1:0",)),
    }
    assert [(one.passage_id, one.about, one.mentions) for one in answer.passages] == [
        ("man:1:0", True, False),
        ("award:1:0", False, True),
        ("film:1:0", False, True),
    ]
    first = answer.passages[0]
    assert (first.name, first.page, first.start, first.end) == ("man.md", 1, 0, 23)
    assert [(mark.name, first.text[mark.start : mark.end]) for mark in first.marks] == [
        ("tim burton", "Tim Burton"),
        ("burton", "Burton"),
        ("batman", "Batman"),
    ]


async def test_what_no_passage_is_about_is_no_neighbour_but_can_be_asked_for() -> None:
    store = await filled()
    assert "nobody" not in relations(await ask(store, "award"))
    assert relations(await ask(store, "nobody")) == {"award": "named by"}
    assert relations(await ask(store, "batman")) == {
        "tim burton": "names each other",
        "elfman": "names",
        "burton": "named by",
    }


async def test_an_entity_without_neighbours_comes_with_its_passages() -> None:
    store = MemoryStore()
    await put(store, "d", "Alone.", ("alone",), ())
    answer = await ask(store, "alone")
    assert (answer.entities, answer.edges) == ((), ())
    assert [one.text for one in answer.passages] == ["Alone."]


async def test_the_rarest_names_come_first_and_the_others_are_counted() -> None:
    store = MemoryStore()
    await put(store, "d", "Text", ("any",), ("often", "rare", "seldom"))
    for name in ("often", "rare", "seldom"):
        await put(store, f"of {name}", name, (name,), ())
    for n in range(3):
        await put(store, f"more{n}", "Text", (), ("often",))
    answer = await ask(store, "any", limit=2)
    assert [one.name for one in answer.entities] == ["rare", "seldom"]
    assert [one.strength for one in answer.entities] == [1.0, 1.0]
    assert answer.left_out == 1
    assert {edge.target for edge in answer.edges} == {"rare", "seldom"}
    everything = await ask(store, "any")
    assert everything.entities[-1].name == "often"
    assert (everything.entities[-1].named_by, everything.left_out) == (4, 0)
    assert everything.entities[-1].strength == pytest.approx(0.4307)


async def test_a_part_of_a_name_is_left_for_the_whole() -> None:
    store = MemoryStore()
    about = ("cressida bonas", "cressida curzon bonas", "bonas family")
    await put(store, "d", "Of xx", about, ("xx",))
    await put(store, "e", "Of xx", ("bonas family",), ("xx",))
    assert set(relations(await ask(store, "xx"))) == {"cressida curzon bonas", "bonas family"}


async def test_passages_are_few_and_each_neighbour_has_one() -> None:
    store = MemoryStore()
    for n in range(60):
        await put(store, f"d{n}", "About x", ("xx",), ())
    for n in range(40):
        await put(store, f"z{n}", "Of x", (f"subject {n}",), ("xx",))
    answer = await ask(store, "xx", limit=20)
    assert len(answer.passages) == PASSAGES_MAX
    assert len(answer.entities) == 20
    assert all(edge.passages for edge in answer.edges)
    many = await ask(store, "xx", limit=40)
    assert len(many.passages) == len(many.entities) == 40
    assert (many.edges[0].evidence, many.left_out) == (1, 0)


async def test_a_name_is_written_as_texts_titles_and_headings_write_it() -> None:
    store = await filled()
    written = {one.name: one.written for one in (await ask(store, "batman")).entities}
    assert written == {"tim burton": "Tim Burton", "elfman": "elfman", "burton": "Burton"}
    assert (await ask(store, "elfman")).entity.written == "Elfman"


@pytest.mark.parametrize("asked", ["tim burton", "The Tim  Burton", "TIM Burton’s", "Tím Bùrton"])
async def test_what_is_asked_is_folded_as_what_was_ingested(asked: str) -> None:
    assert (await ask(await filled(), asked)).entity.name == "tim burton"


async def test_what_the_asker_may_not_see_does_not_exist() -> None:
    store = await filled()
    await put(store, "law", "Burton merges.", ("merger",), ("tim burton",), ("group:law",))
    assert "merger" not in relations(await ask(store, "tim burton"))
    assert "Close to it" not in await refused(store, "merger")
    seen = await ask(store, "tim burton", visible_to=("group:law",))
    assert relations(seen)["merger"] == "named by"
    await put(store, "hidden", "Of it", ("nobody",), (), ("group:law",))
    assert "nobody" not in relations(await ask(store, "award"))


async def test_another_tenant_knows_nothing_of_it() -> None:
    rival = Context(tenant="rival", principal="ann", causation_id="request-1")
    words = await refused(await filled(), "tim burton", context=rival)
    assert words == "No document that you can see has this name in it. Try another name."


@pytest.mark.parametrize("head", [Head(1, live=False), Head(2, live=True), None])
async def test_a_graph_behind_the_heads_brings_nothing_back(head: Head | None) -> None:
    store, behind = await filled(), await filled()
    for document_id in ("film", "music"):
        if head is None:
            del store.head["acme", document_id]
        else:
            store.head["acme", document_id] = head
    answer = await ask(store, "tim burton", behind)
    assert relations(answer) == {"burton": "same as", "award": "named by"}
    for name in ("elfman", "elf"):
        assert "Close to it" not in await refused(store, name, behind)


async def test_a_passage_that_went_in_between_is_no_evidence() -> None:
    class Late(MemoryStore):
        async def passages(self, *_: Any) -> Any:
            return {}

    store = await filled()
    answer = await ask(Late(store.held, store.head), "tim burton", store)
    assert (answer.entities, answer.edges, answer.passages) == ((), (), ())


async def test_the_unknown_is_answered_with_what_is_close_to_it() -> None:
    store = await filled()
    assert await refused(store, "The Burt") == (
        "No document that you can see has this name in it. Close to it: 'burton'."
    )
    message = await refused(store, "Burton Tim Jr")
    assert message.endswith("Close to it: 'tim burton', 'burton'.")
    assert (await refused(store, "xyz")).endswith("Try another name.")


async def test_names_that_go_on_are_closest_and_then_those_with_a_slip() -> None:
    store = MemoryStore()
    for n, name in enumerate(("tim", "tim allen", "tim burton", "tim burt films", "burton")):
        await put(store, f"d{n}", name, (name,), ())
    assert (await refused(store, "Tim Burt")).endswith(
        "Close to it: 'tim burton', 'tim burt films', 'burton', 'tim', 'tim allen'."
    )
    assert "Close to it: 'tim burton', " in await refused(store, "Tim Burtn")


@pytest.mark.parametrize("entity", ["the", "42", "?", "x", "y" * 81])
async def test_what_is_no_name_is_refused(entity: str) -> None:
    failed = await replied(await filled(), entity)
    assert failed.code == "invalid_entity"
    assert f"'{entity}' is no name" in failed.message


async def test_a_graph_that_is_missing_down_or_slow_is_an_outage(house: House) -> None:
    class Slow(MemoryStore):
        asked = 0

        async def places(self, *_: Any) -> list[Place]:
            self.asked += 1
            await asyncio.Event().wait()
            raise AssertionError

    store, slow = await filled(), Slow()
    with pytest.raises(Unavailable, match="RAGOPS_NEO4J_URL"):
        await house.look("batman")
    with pytest.raises(Unavailable, match="took over"):
        await replied(store, "batman", slow, budget_ms=10)
    assert slow.asked == 1
    for method in ("places", "subjects", "links"):
        store.down = {method}
        with pytest.raises(Unavailable, match=method):
            await replied(store, "batman")
