"""An entity's neighbourhood over each graph there is, beside the store that holds the heads."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from contracts.envelope import Context
from contracts.retrieval.graph import GraphAnsweredV1, GraphRequestedV1
from services.retrieval.models.document import Head
from services.retrieval.services.graph.neighbourhood import Neighbourhood, UnknownEntity
from services.retrieval.services.ports import GraphStore
from services.retrieval.store.neo4j.store import open_neo4j
from services.retrieval.store.sqlite.store import SqliteSearchStore, open_sqlite
from tests.unit.retrieval.making import SPACE, passage, version


class World:
    """A graph that may lag behind the store, as only `purge` tells it of the heads."""

    def __init__(self, store: SqliteSearchStore, beside: GraphStore | None, tenant: str) -> None:
        self.store, self.beside, self.tenant = store, beside, tenant
        self.around = Neighbourhood(beside or store, store, budget_s=30)

    async def put(
        self,
        document_id: str,
        about: Sequence[str],
        mentions: Sequence[str] = (),
        ordinal: int = 1,
        visible_to: tuple[str, ...] | None = None,
    ) -> None:
        held = replace(
            passage(document_id, ordinal, 0, f"Text {ordinal} of {document_id}"),
            about=tuple(about),
            mentions=tuple(mentions),
        )
        of = version(self.tenant, document_id, ordinal, visible_to)
        await self.store.index(of, [held])
        if self.beside is not None:
            await self.beside.index(of, [held])
        await self.store.promote(self.tenant, document_id, ordinal)

    async def purge(self, document_id: str, head: Head) -> None:
        await self.store.purge(self.tenant, document_id)
        if self.beside is not None:
            await self.beside.purge(self.tenant, document_id, head)

    async def ask(
        self, entity: str, visible_to: tuple[str, ...] = (), tenant: str | None = None
    ) -> GraphAnsweredV1:
        request = GraphRequestedV1(entity=entity, visible_to=visible_to)
        return await self.around.look(
            request, Context(tenant=tenant or self.tenant, principal="ann")
        )

    async def relations(self, entity: str, *visible_to: str) -> dict[str, str]:
        """Each neighbour with its relation and its passages."""
        answer = await self.ask(entity, visible_to)
        return {
            one.name: " ".join(
                (
                    one.relation,
                    *sorted(
                        passage_id
                        for edge in answer.edges
                        if one.name in (edge.source, edge.target)
                        for passage_id in edge.passages
                    ),
                )
            )
            for one in answer.entities
        }


@pytest.fixture(params=["embedded", pytest.param("neo4j", marks=pytest.mark.real)])
def beside_url(request: pytest.FixtureRequest) -> str | None:
    """Embedded, the search store is the graph itself, and its heads are in every query."""
    if request.param == "embedded":
        return None
    url: str = request.getfixturevalue("neo4j_url")
    return url


@pytest_asyncio.fixture
async def world(beside_url: str | None, tenant: str, tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_sqlite(tmp_path, SPACE))
        beside = await stack.enter_async_context(open_neo4j(beside_url)) if beside_url else None
        yield World(store, beside, tenant)


async def test_who_stands_around_an_entity(world: World) -> None:
    await world.put("man", ["tim burton", "burton"], ["batman", "edward"])
    await world.put("film", ["batman"], ["tim burton", "gotham"])
    await world.put("city", ["gotham"], ["batman"])
    assert await world.relations("Tim Burton") == {
        "batman": "names each other film:1:0 man:1:0",
        "burton": "same as man:1:0",
    }
    assert await world.relations("BATMAN") == {
        "tim burton": "names each other film:1:0 man:1:0",
        "gotham": "names each other city:1:0 film:1:0",
        "burton": "named by man:1:0",
    }
    assert await world.relations("edward") == {"tim burton": "named by man:1:0"}
    answer = await world.ask("tim burton")
    assert [(one.text, one.about) for one in answer.passages] == [
        ("Text 1 of man", True),
        ("Text 1 of film", False),
    ]
    assert answer.entity.named_by == 1


async def test_what_may_not_be_seen_is_no_neighbour_no_evidence_and_no_suggestion(
    world: World,
) -> None:
    law = ("group:law",)
    await world.put("open", ["harbour"], ["ferry", "merger"])
    await world.put("ferry", ["ferry"])
    await world.put("secret", ["merger", "merger plan"], ["harbour", "ferry"], visible_to=law)
    assert await world.relations("harbour") == {"ferry": "names open:1:0"}
    answer = await world.ask("harbour")
    assert [one.passage_id for one in answer.passages] == ["open:1:0"]
    assert (answer.entity.named_by, answer.entities[0].named_by) == (0, 1)
    with pytest.raises(UnknownEntity) as unknown:
        await world.ask("merger plan")
    assert "Close to it: 'merger'." in str(unknown.value)
    assert await world.relations("harbour", *law) == {
        "ferry": "names open:1:0",
        "merger": "names each other open:1:0 secret:1:0",
        "merger plan": "named by secret:1:0",
    }


async def test_another_tenant_sees_nothing_of_it(world: World) -> None:
    await world.put("d", ["harbour"], ["ferry"])
    with pytest.raises(UnknownEntity) as unknown:
        await world.ask("harbour", tenant=f"{world.tenant}-rival")
    assert "Close to it" not in str(unknown.value)


async def test_a_deleted_document_is_gone_before_it_is_removed(world: World) -> None:
    await world.put("harbour", ["harbour"], ["ferry"])
    await world.put("ferry", ["ferry"], ["harbour"])
    await world.store.hide(world.tenant, "ferry", 1)
    for purged in (False, True):
        if purged:
            await world.purge("ferry", Head(1, live=False))
        assert await world.relations("harbour") == {}
        assert [one.passage_id for one in (await world.ask("harbour")).passages] == ["harbour:1:0"]
    assert await world.relations("ferry") == {"harbour": "named by harbour:1:0"}


async def test_a_new_version_takes_the_place_of_the_old_one(world: World) -> None:
    await world.put("d", ["harbour"], ["ferry", "tug"])
    await world.put("f", ["ferry"])
    await world.put("t", ["tug"])
    await world.put("d", ["harbour"], ["tug"], ordinal=2)
    for purged in (False, True):
        if purged:
            await world.purge("d", Head(2, live=True))
        assert await world.relations("harbour") == {"tug": "names d:2:0"}
        assert [one.text for one in (await world.ask("harbour")).passages] == ["Text 2 of d"]


async def test_an_entity_lives_while_another_document_leads_to_it(world: World) -> None:
    for document_id in ("a", "b"):
        await world.put(document_id, ["harbour"], ["ferry"])
    await world.put("f", ["ferry"])
    assert await world.relations("ferry") == {"harbour": "named by a:1:0 b:1:0"}
    await world.store.hide(world.tenant, "a", 1)
    await world.purge("a", Head(1, live=False))
    assert await world.relations("ferry") == {"harbour": "named by b:1:0"}
    await world.store.hide(world.tenant, "b", 1)
    await world.purge("b", Head(1, live=False))
    assert await world.relations("ferry") == {}
    with pytest.raises(UnknownEntity):
        await world.ask("harbour")
