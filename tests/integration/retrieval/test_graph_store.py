"""What every GraphStore adapter must do: links, scope, and exact removal."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.retrieval.models.document import Head, Version
from services.retrieval.models.filter import Scope, matches
from services.retrieval.models.filter_reading import read_filter
from services.retrieval.models.graph import QUESTION, Link
from services.retrieval.models.holding import Page
from services.retrieval.models.passage import IndexedPassage
from services.retrieval.services.ports import GraphStore
from tests.unit.retrieval.filters import FILTERS, documents
from tests.unit.retrieval.making import passage, version

GONE = 99


def names(n: int, about: Iterable[str], mentions: Iterable[str]) -> IndexedPassage:
    return replace(passage("d", 1, n, "text"), about=tuple(about), mentions=tuple(mentions))


async def put(
    graph: GraphStore,
    tenant: str,
    document_id: str,
    *,
    about: Sequence[str] = (),
    mentions: Sequence[str] = (),
    ordinal: int = 1,
    visibility: tuple[str, ...] | None = None,
) -> None:
    """A version of one passage, `document_id:ordinal:0`."""
    indexed = replace(
        passage(document_id, ordinal, 0, "text"), about=tuple(about), mentions=tuple(mentions)
    )
    of = version(tenant, document_id, ordinal, visibility)
    assert await graph.index(of, [indexed]) == len({*about, *mentions})


async def reached(
    graph: GraphStore, tenant: str, seed: str, visible_to: tuple[str, ...] = ()
) -> set[tuple[str, str]]:
    """(entity, passage) pairs one step from the seed."""
    links = await graph.links(Scope(tenant, visible_to), [seed], 3)
    return {(link.entity, link.passage_id) for link in links}


async def test_ping(graph: GraphStore) -> None:
    await graph.ping()


async def test_a_removed_tenant_leaves_nothing(graph: GraphStore, tenant: str) -> None:
    for owner in (tenant, f"{tenant}-rival"):
        await put(graph, owner, "d", about=["harbour"], mentions=["ferry"])
        await put(graph, owner, "e", mentions=["harbour"])
    assert await graph.remove_tenant(tenant) == 2
    assert await graph.remove_tenant(tenant) == 0
    assert await reached(graph, tenant, "e:1:0") == set()
    assert await graph.holdings(tenant, Page("", 10)) == []
    assert await reached(graph, f"{tenant}-rival", "e:1:0") == {("harbour", "d:1:0")}


async def test_an_empty_graph_has_an_answer_to_everything(graph: GraphStore, tenant: str) -> None:
    assert await graph.links(Scope(tenant), ["d:1:0"], 3) == []
    assert await graph.links(Scope(tenant), [], 3) == []
    assert await graph.index(version(tenant, "d"), []) == 0
    await graph.purge(tenant, "d", Head(1, live=False))


async def test_a_link_leads_from_what_names_to_what_is_about(
    graph: GraphStore, tenant: str
) -> None:
    await put(graph, tenant, "film", mentions=["tim burton", "nobody"])
    await put(graph, tenant, "man", about=["tim burton"], mentions=["film"])
    await put(graph, tenant, "award", mentions=["tim burton"])
    links = await graph.links(Scope(tenant), ["film:1:0", "man:1:0"], 3)
    assert links == [Link("film:1:0", "tim burton", "man:1:0", "man", 1, named_by=2)]


async def test_no_link_leads_back_to_its_seed(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "d", about=["x"], mentions=["x"])
    assert await reached(graph, tenant, "d:1:0") == set()


async def test_a_name_owned_by_many_leads_nowhere(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "seed", mentions=["x", "y"])
    for n in range(3):
        await put(graph, tenant, f"x{n}", about=["x"])
    assert len(await reached(graph, tenant, "seed:1:0")) == 3
    await put(graph, tenant, "x3", about=["x"])
    assert await reached(graph, tenant, "seed:1:0") == set()


async def test_tenants_share_no_names(graph: GraphStore, tenant: str) -> None:
    rival = f"{tenant}-rival"
    await put(graph, tenant, "seed", mentions=["x"])
    await put(graph, rival, "seed", mentions=["x"])
    await put(graph, rival, "owner", about=["x"])
    assert await reached(graph, tenant, "seed:1:0") == set()
    (link,) = await graph.links(Scope(rival), ["seed:1:0"], 3)
    assert link.named_by == 1
    await graph.purge(tenant, "owner", Head(GONE, live=False))
    assert await reached(graph, rival, "seed:1:0") == {("x", "owner:1:0")}


async def test_visibility_is_inside_the_hop(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "seed", mentions=["x", "y"])
    await put(graph, tenant, "law", about=["x"], visibility=("group:law", "user:ann"))
    await put(graph, tenant, "closed", about=["y"], visibility=())
    assert await reached(graph, tenant, "seed:1:0") == set()
    assert await reached(graph, tenant, "seed:1:0", ("group:lawn",)) == set()
    for member in ("group:law", "user:ann"):
        found = await reached(graph, tenant, "seed:1:0", ("user:bob", member))
        assert found == {("x", "law:1:0")}


# Neo4j plans each new shape of a filter once: many examples would measure that.
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(documents(), st.lists(FILTERS, min_size=1, max_size=8))
async def test_filters_agree_with_plain_python(
    graph: GraphStore, versions: list[Version], wanted: list[Mapping[str, Any]]
) -> None:
    """Every document is about its own name and names all others."""
    tenant = f"t-{uuid4().hex[:12]}"
    ids = [of.document_id for of in versions]
    for of in versions:
        held = passage(of.document_id, of.ordinal, 0, "text")
        held = replace(held, about=(of.document_id,), mentions=tuple(ids))
        await graph.index(replace(of, tenant=tenant), [held])
    for given_filter in wanted:
        read = read_filter(given_filter)
        inside = {of.document_id for of in versions if matches(read, of)}
        links = await graph.links(Scope(tenant, (), read), [f"{one}:1:0" for one in ids], 3)
        found = {(link.seed.split(":")[0], link.entity) for link in links}
        assert found == {(a, b) for a in inside for b in inside if a != b}, given_filter


async def test_a_version_indexed_again_is_held_once(graph: GraphStore, tenant: str) -> None:
    for _ in range(3):
        await put(graph, tenant, "seed", mentions=["x"])
        await put(graph, tenant, "owner", about=["x"])
    (link,) = await graph.links(Scope(tenant), ["seed:1:0"], 3)
    assert link.named_by == 1


async def test_names_arrive_in_any_order(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "owner", about=["x"])
    await put(graph, tenant, "seed", mentions=["x"])
    assert await reached(graph, tenant, "seed:1:0") == {("x", "owner:1:0")}


async def test_counts_see_the_scope_alone(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "seed", mentions=["x"])
    await put(graph, tenant, "owner", about=["x"])
    for n in range(4):
        await put(graph, tenant, f"law{n}", about=["x"], mentions=["x"], visibility=("group:law",))
    (link,) = await graph.links(Scope(tenant), ["seed:1:0"], 3)
    assert (link.passage_id, link.named_by) == ("owner:1:0", 1)
    assert await reached(graph, tenant, "seed:1:0", ("group:law",)) == set()


async def test_a_seed_out_of_scope_leads_nowhere(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "seed", mentions=["x"], visibility=("group:law",))
    await put(graph, tenant, "owner", about=["x"])
    assert await reached(graph, tenant, "seed:1:0") == set()
    assert await reached(graph, tenant, "seed:1:0", ("group:law",)) == {("x", "owner:1:0")}


async def test_purge_removes_what_the_head_outdates(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "seed", mentions=["old", "new"])
    await put(graph, tenant, "owner", about=["old"])
    await put(graph, tenant, "owner", about=["new"], ordinal=2)
    await graph.purge(tenant, "owner", Head(2, live=True))
    assert await reached(graph, tenant, "seed:1:0") == {("new", "owner:2:0")}
    await graph.purge(tenant, "owner", Head(2, live=False))
    assert await reached(graph, tenant, "seed:1:0") == set()


async def test_purge_leaves_a_version_above_the_head(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "seed", mentions=["old", "new"])
    await put(graph, tenant, "owner", about=["old"])
    await put(graph, tenant, "owner", about=["new"], ordinal=2)
    await graph.purge(tenant, "owner", Head(1, live=False))
    assert await reached(graph, tenant, "seed:1:0") == {("new", "owner:2:0")}


async def test_a_name_lives_while_another_document_supports_it(
    graph: GraphStore, tenant: str
) -> None:
    await put(graph, tenant, "a", about=["x"], mentions=["y"])
    await put(graph, tenant, "b", about=["x"], mentions=["y"])
    await put(graph, tenant, "seed", mentions=["x"])
    await graph.purge(tenant, "a", Head(1, live=False))
    assert await reached(graph, tenant, "seed:1:0") == {("x", "b:1:0")}
    await graph.purge(tenant, "b", Head(1, live=False))
    assert await reached(graph, tenant, "seed:1:0") == set()
    await put(graph, tenant, "c", about=["x"])
    assert await reached(graph, tenant, "seed:1:0") == {("x", "c:1:0")}


async def test_a_long_version_goes_in_and_out_whole(graph: GraphStore, tenant: str) -> None:
    """More names than go in one batch of writes, more passages than go in one of removals."""
    many = [
        replace(
            passage("long", 1, n, "text"),
            about=(f"subject {n}",),
            mentions=tuple(f"name {n * 7 + at}" for at in range(10)),
        )
        for n in range(600)
    ]
    of = version(tenant, "long")
    assert await graph.index(of, many) == 600 + 599 * 7 + 10
    await put(graph, tenant, "seed", mentions=["subject 0", "subject 599"])
    assert len(await reached(graph, tenant, "seed:1:0")) == 2
    await graph.purge(tenant, "long", Head(1, live=False))
    assert await reached(graph, tenant, "seed:1:0") == set()


@pytest.mark.parametrize(
    "name", ["x" * 5_000, "", "Ünï \U0001f600", "'}) DETACH DELETE (n) //", "x\x00y"]
)
async def test_any_name_may_come(graph: GraphStore, tenant: str, name: str) -> None:
    await graph.index(version(tenant, "d"), [names(0, [name], ["other", name])])
    assert await reached(graph, tenant, "d:1:0") == set()


async def test_owners_are_what_passages_in_scope_are_about(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "open", about=["x", "z"])
    await put(graph, tenant, "law", about=["x"], visibility=("group:law",))
    await put(graph, tenant, "seed", mentions=["x", "y"])
    for n in range(4):
        await put(graph, tenant, f"often{n}", about=["often"])
    names = ["x", "y", "often", "unknown", ""]
    everyone = await graph.owners(Scope(tenant), names, 3)
    assert everyone == [Link(QUESTION, "x", "open:1:0", "open", 1, 1)]
    lawyers = await graph.owners(Scope(tenant, ("group:law",)), names, 3)
    assert {link.passage_id for link in lawyers} == {"open:1:0", "law:1:0"}
    assert await graph.owners(Scope(tenant, ("group:law",)), ["x"], 1) == []
    wanted = read_filter({"field": "document_id", "eq": "law"})
    (law,) = await graph.owners(Scope(tenant, ("group:law",), wanted), names, 3)
    assert (law.passage_id, law.named_by) == ("law:1:0", 0)
    assert await graph.owners(Scope("nobody"), names, 3) == []
    assert await graph.owners(Scope(tenant), [], 3) == []


async def test_odd_values_of_a_request_find_nothing(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "d", about=["x"], visibility=("user:ann",))
    for principal in ("user:ann\x00", "\ud800", "user:ann\ud800", "*\x00"):
        assert await graph.places(Scope(tenant, (principal,)), "x", 3) == []
    ann = ("user:ann",)
    for name in ("x\x00", "", "\U0010ffff"):
        assert await graph.places(Scope(tenant, ann), name, 3) == []
    for value in (10**400, -(10**400), 1.7e308):
        wanted = read_filter({"field": "metadata.year", "eq": value})
        assert await graph.places(Scope(tenant, ann, wanted), "x", 3) == []
    assert len(await graph.places(Scope(tenant, ann), "x", 3)) == 1


async def test_writes_that_share_names_do_not_disturb_each_other(
    graph: GraphStore, tenant: str
) -> None:
    shared = [f"name {n}" for n in range(20)]

    async def come_and_go(document_id: str) -> None:
        for ordinal in range(1, 6):
            await put(
                graph, tenant, document_id, about=shared[:1], mentions=shared, ordinal=ordinal
            )
            await graph.purge(tenant, document_id, Head(ordinal, live=False))
        await put(graph, tenant, document_id, about=shared[:1], mentions=shared, ordinal=6)

    await asyncio.gather(*(come_and_go(f"d{n}") for n in range(3)))
    links = await graph.links(Scope(tenant), ["d0:6:0"], 3)
    assert {(link.passage_id, link.named_by) for link in links} == {("d1:6:0", 3), ("d2:6:0", 3)}


async def standing(
    graph: GraphStore, tenant: str, name: str, visible_to: tuple[str, ...] = ()
) -> dict[str, str]:
    """How each passage leads to the name."""
    return {
        place.passage_id: " ".join(
            word for word, so in (("about", place.about), ("mentions", place.mentions)) if so
        )
        for place in await graph.places(Scope(tenant, visible_to), name, 100)
    }


async def told(
    graph: GraphStore, tenant: str, *passages: str, visible_to: tuple[str, ...] = ()
) -> dict[tuple[str, str], int]:
    """What the passages are about, and how many passages mention that."""
    found = await graph.subjects(Scope(tenant, visible_to), passages, 3)
    return {(subject.passage_id, subject.name): subject.named_by for subject in found}


async def beginning(
    graph: GraphStore, tenant: str, *beginnings: str, visible_to: tuple[str, ...] = ()
) -> set[tuple[str, str]]:
    """(name, document) pairs."""
    found = await graph.supports(Scope(tenant, visible_to), beginnings, 100)
    return {(support.name, support.document_id) for support in found}


async def test_a_name_nobody_knows_stands_nowhere(graph: GraphStore, tenant: str) -> None:
    assert await standing(graph, tenant, "x") == {}
    assert await told(graph, tenant) == await told(graph, tenant, "d:1:0") == {}
    assert await beginning(graph, tenant) == await beginning(graph, tenant, "x") == set()


async def test_a_name_stands_where_passages_are_about_it_or_mention_it(
    graph: GraphStore, tenant: str
) -> None:
    await put(graph, tenant, "film", about=["film"], mentions=["burton"])
    await put(graph, tenant, "man", about=["burton", "tim burton"], mentions=["burton"])
    await put(graph, tenant, "life", about=["burton"])
    assert await standing(graph, tenant, "burton") == {
        "film:1:0": "mentions",
        "man:1:0": "about mentions",
        "life:1:0": "about",
    }
    assert await told(graph, tenant, "film:1:0", "man:1:0", "unknown") == {
        ("film:1:0", "film"): 0,
        ("man:1:0", "burton"): 2,
        ("man:1:0", "tim burton"): 0,
    }


async def test_of_a_frequent_name_no_more_places_come_than_wanted(
    graph: GraphStore, tenant: str
) -> None:
    for n in range(5):
        await put(graph, tenant, f"about{n}", about=["x"])
        await put(graph, tenant, f"mention{n}", mentions=["x"])
    places = await graph.places(Scope(tenant), "x", 3)
    assert sorted(place.about for place in places) == [False] * 3 + [True] * 3


async def test_what_many_passages_are_about_is_no_topic(graph: GraphStore, tenant: str) -> None:
    for n in range(3):
        await put(graph, tenant, f"d{n}", about=["x"])
    assert await told(graph, tenant, "d0:1:0") == {("d0:1:0", "x"): 0}
    await put(graph, tenant, "d3", about=["x"])
    assert await told(graph, tenant, "d0:1:0") == {}


async def test_visibility_is_inside_places_subjects_and_their_counts(
    graph: GraphStore, tenant: str
) -> None:
    await put(graph, tenant, "open", about=["x"])
    for n in range(4):
        await put(graph, tenant, f"law{n}", about=["x"], mentions=["x"], visibility=("group:law",))
    await put(graph, tenant, "closed", about=["x"], visibility=())
    assert await standing(graph, tenant, "x") == {"open:1:0": "about"}
    assert await told(graph, tenant, "open:1:0", "law0:1:0") == {("open:1:0", "x"): 0}
    assert len(await standing(graph, tenant, "x", ("user:bob", "group:law"))) == 5
    assert await told(graph, tenant, "open:1:0", visible_to=("group:law",)) == {}
    assert await told(graph, tenant, "closed:1:0", visible_to=("group:law",)) == {}


async def test_a_name_that_only_hidden_passages_support_is_not_told(
    graph: GraphStore, tenant: str
) -> None:
    await put(graph, tenant, "law", about=["merger"], mentions=["merger of two"], visibility=())
    await put(graph, tenant, "both", mentions=["merger plan"], visibility=("group:law",))
    assert await standing(graph, tenant, "merger") == {}
    assert await beginning(graph, tenant, "merger") == set()
    seen = await beginning(graph, tenant, "merger", visible_to=("group:law",))
    assert seen == {("merger plan", "both")}


async def test_names_are_found_by_their_beginnings(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "a", about=["tim burton"], mentions=["timber", "burton", "%"])
    assert await beginning(graph, tenant, "tim") == {("tim burton", "a"), ("timber", "a")}
    assert await beginning(graph, tenant, "burton", "tim b") == {
        ("burton", "a"),
        ("tim burton", "a"),
    }
    assert await beginning(graph, tenant, "im", "%t", "_") == set()
    assert await beginning(graph, f"{tenant}-rival", "tim") == set()
    few = await graph.supports(Scope(tenant), ["tim", "bur"], 1)
    assert len(few) == 2


async def test_tenants_share_no_places_and_no_subjects(graph: GraphStore, tenant: str) -> None:
    rival = f"{tenant}-rival"
    await put(graph, tenant, "d", about=["x"], mentions=["x"])
    await put(graph, rival, "theirs", about=["x"], mentions=["x", "y"])
    assert await standing(graph, tenant, "x") == {"d:1:0": "about mentions"}
    assert await standing(graph, tenant, "y") == {}
    assert await told(graph, tenant, "d:1:0", "theirs:1:0") == {("d:1:0", "x"): 1}


async def test_places_follow_a_new_version_and_a_deletion(graph: GraphStore, tenant: str) -> None:
    await put(graph, tenant, "a", about=["old", "kept"], mentions=["old"])
    await put(graph, tenant, "b", about=["kept"], mentions=["kept"])
    await put(graph, tenant, "a", about=["new", "kept"], ordinal=2)
    await graph.purge(tenant, "a", Head(2, live=True))
    assert await standing(graph, tenant, "old") == {}
    assert await beginning(graph, tenant, "old", "ne") == {("new", "a")}
    assert await standing(graph, tenant, "kept") == {"a:2:0": "about", "b:1:0": "about mentions"}
    await graph.purge(tenant, "a", Head(2, live=False))
    assert await standing(graph, tenant, "new") == {}
    assert await standing(graph, tenant, "kept") == {"b:1:0": "about mentions"}
    assert await beginning(graph, tenant, "k", "n", "o") == {("kept", "b")}


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(documents(), FILTERS)
async def test_filters_are_inside_places_subjects_and_supports(
    graph: GraphStore, versions: list[Version], wanted: Mapping[str, Any]
) -> None:
    tenant, read = f"t-{uuid4().hex[:12]}", read_filter(wanted)
    for of in versions:
        held = replace(passage(of.document_id, of.ordinal, 0, "text"), about=("x",))
        await graph.index(replace(of, tenant=tenant), [held])
    scope = Scope(tenant, (), read)
    inside = {f"{of.document_id}:1:0" for of in versions if matches(read, of)}
    places = await graph.places(scope, "x", 100)
    assert {place.passage_id for place in places} == inside, wanted
    subjects = await graph.subjects(scope, [f"{of.document_id}:1:0" for of in versions], 100)
    assert {subject.passage_id for subject in subjects} == inside, wanted
    assert bool(await graph.supports(scope, ["x"], 5)) == bool(inside), wanted
