"""What audits ask of every adapter: what is held of each document, and what was left behind."""

from dataclasses import replace

from services.retrieval.models.document import Head
from services.retrieval.models.holding import Held, HeldVersion, Page
from services.retrieval.services.ports import GraphStore, SearchStore
from tests.integration.retrieval.test_graph_store import put
from tests.unit.retrieval.making import passage, passages_of, version

TEXTS = ["the harbour froze", "apples ripen"]


def counted(held: list[Held]) -> dict[str, dict[int, int]]:
    """The passages of each version."""
    return {one.document_id: {v.ordinal: v.passages for v in one.versions} for one in held}


async def test_a_page_holds_heads_and_versions_by_id(store: SearchStore) -> None:
    for document in ("d3", "d1", "d2"):
        await store.index(version("acme", document, 1), passages_of(document, 1, TEXTS))
    await store.promote("acme", "d1", 1)
    await store.index(version("acme", "d1", 2), passages_of("d1", 2, TEXTS[:1]))
    await store.hide("acme", "d4", 5)
    await store.index(version("globex", "d0", 1), passages_of("d0", 1, TEXTS))
    whole = await store.holdings("acme", Page())
    assert counted(whole) == {"d1": {1: 2, 2: 1}, "d2": {1: 2}, "d3": {1: 2}, "d4": {}}
    heads = {one.document_id: one.head for one in whole}
    assert heads == {"d1": Head(1, True), "d2": None, "d3": None, "d4": Head(5, False)}
    paged = [
        one.document_id
        for after in ("", "d2", "d4")
        for one in await store.holdings("acme", Page(after=after, limit=2))
    ]
    assert paged == ["d1", "d2", "d3", "d4"]
    asked = await store.holdings("acme", Page(ids=("d3", "d0", "nobody")))
    assert [one.document_id for one in asked] == ["d3"]
    assert await store.holdings("initech", Page()) == []


async def test_a_version_that_is_shown_can_be_dropped_and_written_anew(store: SearchStore) -> None:
    of = version("acme", "d", 1)
    await store.index(of, passages_of("d", 1, TEXTS))
    await store.promote("acme", "d", 1)
    await store.drop("acme", "d", 2)
    await store.drop("acme", "d", 1)
    assert counted(await store.holdings("acme", Page())) == {"d": {}}
    assert await store.index(of, passages_of("d", 1, TEXTS)) == 2
    assert await store.promote("acme", "d", 1)
    assert counted(await store.holdings("acme", Page())) == {"d": {1: 2}}


async def test_a_graph_counts_the_passages_and_names_of_each_version(
    graph: GraphStore, tenant: str
) -> None:
    await put(graph, tenant, "a", about=["x"], mentions=["y", "x"])
    await graph.index(version(tenant, "b", 3), [passage("b", 3, 0, "t"), passage("b", 3, 1, "u")])
    held = await graph.holdings(tenant, Page())
    assert [replace(one, head=None) for one in held] == [
        Held("a", versions=(HeldVersion(1, 1, 2),)),
        Held("b", versions=(HeldVersion(3, 2, 0),)),
    ]
    assert [one.document_id for one in await graph.holdings(tenant, Page(after="a"))] == ["b"]
    assert [one.document_id for one in await graph.holdings(tenant, Page(ids=("a",)))] == ["a"]


async def test_a_dropped_versions_names_are_gone_when_strays_are_removed(
    graph: GraphStore, tenant: str
) -> None:
    await put(graph, tenant, "a", about=["x"], mentions=["only a"])
    await put(graph, tenant, "b", mentions=["x"])
    await graph.drop(tenant, "a", 1)
    await graph.strays(tenant, remove=True)
    assert await graph.strays(tenant, remove=False) == 0
    [held] = await graph.holdings(tenant, Page(ids=("b",)))
    assert held.versions == (HeldVersion(1, 1, 1),)
