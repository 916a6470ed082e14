"""Neighbours are joined where a section goes on, the best hits first, within the budget."""

from collections.abc import Sequence
from dataclasses import replace

from services.retrieval.models.passage import FoundPassage, IndexedPassage
from services.retrieval.services.searching.fusion import Fused
from services.retrieval.services.searching.joining import Joined, Joining
from services.retrieval.services.searching.ranking import Ranked, by_fusion
from shared.tokens import estimated_tokens
from tests.unit.retrieval.making import passage, version
from tests.unit.retrieval.memory_store import MemoryStore

SECTIONS = ("Pumps", "Pumps", "Pumps", "Valves", "Valves")


def on_page(one: IndexedPassage, page: int | None) -> IndexedPassage:
    return replace(one, passage=replace(one.passage, page=page))


async def a_store(pages: Sequence[int | None] = (1,) * len(SECTIONS)) -> MemoryStore:
    store = MemoryStore()
    passages = [
        on_page(passage("d", 1, n, f"sentence {n}", title=section), page)
        for n, (section, page) in enumerate(zip(SECTIONS, pages, strict=True))
    ]
    await store.index(version("acme", "d"), passages)
    await store.promote("acme", "d", 1)
    return store


async def joined(
    places: Sequence[int],
    limit: int,
    budget_tokens: int,
    pages: Sequence[int | None] = (1,) * len(SECTIONS),
) -> list[Joined]:
    store = await a_store(pages)
    ids = [f"d:1:{n}" for n in places]
    texts: dict[str, FoundPassage] = await store.passages("acme", ids)
    ranked: list[Ranked] = by_fusion([Fused(at, -n, {}) for n, at in enumerate(ids)])
    return await Joining(store).join("acme", ranked, texts, limit, budget_tokens)


def texts(hits: Sequence[Joined]) -> list[str]:
    return [hit.found.passage.text for hit in hits]


async def test_without_a_budget_hits_stay_alone() -> None:
    hits = await joined([1, 0], limit=2, budget_tokens=0)
    assert texts(hits) == ["sentence 1", "sentence 0"]
    assert [hit.others for hit in hits] == [(), ()]


async def test_a_section_is_read_in_its_order_and_not_beyond() -> None:
    (hit,) = await joined([2], limit=1, budget_tokens=100)
    assert hit.found.passage.text == "sentence 1 sentence 2"
    assert hit.found.passage.passage_id == "d:1:2"
    assert hit.others == ("d:1:1",)


async def test_a_source_is_of_one_page() -> None:
    (hit,) = await joined([1], limit=1, budget_tokens=100, pages=(1, 2, 2, 3, 3))
    assert hit.found.passage.text == "sentence 1 sentence 2"
    assert hit.found.passage.page == 2


async def test_a_hit_that_reads_on_makes_room_for_another() -> None:
    hits = await joined([1, 0, 3], limit=2, budget_tokens=1)
    assert texts(hits) == ["sentence 0 sentence 1", "sentence 3"]


async def test_the_budget_is_kept() -> None:
    cost = estimated_tokens("sentence 3")
    (hit,) = await joined([4], limit=1, budget_tokens=cost - 1)
    assert hit.others == ()
    (hit,) = await joined([4], limit=1, budget_tokens=cost)
    assert hit.others == ("d:1:3",)


async def test_no_passage_is_read_twice() -> None:
    hits = await joined([0, 2], limit=2, budget_tokens=100)
    assert texts(hits) == ["sentence 0 sentence 1", "sentence 2"]


async def test_spans_hold_what_was_joined() -> None:
    store = MemoryStore()
    text = "First part. Second part."
    await store.index(version("acme", "d"), [passage("d", 1, 0, text[:11]), _after(text)])
    await store.promote("acme", "d", 1)
    found = await store.passages("acme", ["d:1:0"])
    ranked = by_fusion([Fused("d:1:0", 1.0, {})])
    (hit,) = await Joining(store).join("acme", ranked, found, 1, 100)
    assert hit.found.passage.text == text
    assert (hit.found.passage.start, hit.found.passage.end) == (0, len(text))


def _after(text: str) -> IndexedPassage:
    made = passage("d", 1, 1, text[12:])
    return replace(made, passage=replace(made.passage, start=12, end=len(text), page=1))


async def test_what_two_passages_both_hold_is_told_once() -> None:
    text = "The pilot comes aboard at the outer buoy. He leaves at the lock."
    store = MemoryStore()
    spans = [(0, 41), (27, 64)]
    passages = []
    for n, (start, end) in enumerate(spans):
        one = passage("d", 1, n, text[start:end], title="Pilots")
        passages.append(replace(one, passage=replace(one.passage, start=start, end=end, page=1)))
    await store.index(version("acme", "d"), passages)
    await store.promote("acme", "d", 1)
    found = await store.passages("acme", ["d:1:0"])
    ranked: list[Ranked] = by_fusion([Fused("d:1:0", 1.0, {})])
    (hit,) = await Joining(store).join("acme", ranked, found, 1, 100)
    whole = hit.found.passage
    assert (whole.text, whole.start, whole.end) == (text, 0, 64)
