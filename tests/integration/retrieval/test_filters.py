"""Every SearchStore's own query must agree with the plain Python meaning of a filter."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.retrieval.models.document import Version
from services.retrieval.models.filter import Scope, matches
from services.retrieval.models.filter_reading import read_filter
from services.retrieval.services.ports import SearchStore
from tests.unit.retrieval.filters import FILTERS, documents
from tests.unit.retrieval.making import passages_of, unit_vector, version

TEXT = "The harbour froze in January"


async def fill(store: SearchStore, tenant: str, versions: Sequence[Version]) -> None:
    for of in versions:
        of_tenant = replace(of, tenant=tenant)
        await store.index(of_tenant, passages_of(of.document_id, of.ordinal, [TEXT, TEXT]))
        await store.promote(tenant, of.document_id, of.ordinal)


async def found(store: SearchStore, scope: Scope) -> list[set[str]]:
    """The documents that each leg finds."""
    words = await store.bm25(scope, "harbour", 100)
    near = await store.dense(scope, unit_vector(TEXT), 100)
    return [{hit.document_id for hit in words}, {hit.document_id for hit in near}]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(documents(), st.lists(FILTERS, min_size=1, max_size=8))
async def test_both_legs_agree_with_plain_python(
    store: SearchStore, versions: list[Version], wanted: list[Mapping[str, Any]]
) -> None:
    tenant = f"t-{uuid4().hex[:12]}"
    await fill(store, tenant, versions)
    for given_filter in wanted:
        read = read_filter(given_filter)
        expected = {of.document_id for of in versions if matches(read, of)}
        assert await found(store, Scope(tenant, (), read)) == [expected, expected], given_filter


async def test_what_a_filter_leaves_out_does_not_crowd_out_the_rest(store: SearchStore) -> None:
    for n in range(30):
        await fill(store, "acme", [version("acme", f"d{n}")])
    only = read_filter({"field": "document_id", "eq": "d17"})
    words = await store.bm25(Scope("acme", (), only), "harbour", 2)
    near = await store.dense(Scope("acme", (), only), unit_vector(TEXT), 2)
    assert {hit.document_id for hit in [*words, *near]} == {"d17"}


async def test_a_filter_opens_nothing(store: SearchStore) -> None:
    await store.index(version("acme", "law", 1, ("group:law",)), passages_of("law", 1, [TEXT]))
    await store.promote("acme", "law", 1)
    anything = read_filter({"not": {"field": "name", "eq": "no such name"}})
    assert await found(store, Scope("acme", (), anything)) == [set(), set()]
    assert await found(store, Scope("acme", ("group:law",), anything)) == [{"law"}, {"law"}]
    assert await found(store, Scope("rival", ("group:law",), anything)) == [set(), set()]


async def test_what_is_purged_is_filtered_as_what_comes_after(store: SearchStore) -> None:
    """Row ids are given again; what was known of the old must not cling to the new."""
    tagged = read_filter({"field": "tags", "eq": "a"})
    await fill(store, "acme", [version("acme", "old")])
    await store.hide("acme", "old", 1)
    await store.purge("acme", "old")
    plain = version("acme", "new")
    await fill(store, "acme", [Version("acme", "new", 1, plain.name, "", plain.created_at)])
    assert await found(store, Scope("acme", (), tagged)) == [set(), set()]
