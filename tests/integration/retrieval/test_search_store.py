"""What every SearchStore adapter must do: heads, tombstones, scope, and what the legs find."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from services.retrieval.models.document import Head
from services.retrieval.models.filter import Not, Scope
from services.retrieval.models.filter_reading import read_filter
from services.retrieval.models.holding import Page
from services.retrieval.services.ports import SearchStore
from tests.integration.retrieval.conftest import OpenStore
from tests.unit.retrieval.making import passage, passages_of, unit_vector, version

SCOPE = Scope("acme")
HARBOUR = "The harbour froze in January"
ORCHARD = "Apples ripen in the orchard"


async def put(
    store: SearchStore,
    document_id: str,
    texts: Sequence[str],
    *,
    ordinal: int = 1,
    tenant: str = "acme",
    visibility: tuple[str, ...] | None = None,
) -> None:
    of = version(tenant, document_id, ordinal, visibility)
    passages = passages_of(document_id, ordinal, texts)
    assert await store.index(of, passages) == len(texts)
    await store.promote(tenant, document_id, ordinal)


async def both_legs(store: SearchStore, query: str, scope: Scope = SCOPE) -> list[set[str]]:
    """The ids that each leg finds; a dense leg finds everything in scope."""
    words = await store.bm25(scope, query, 100)
    near = await store.dense(scope, unit_vector(query), 100)
    return [{hit.passage_id for hit in words}, {hit.passage_id for hit in near}]


async def test_ping(store: SearchStore) -> None:
    await store.ping()


async def test_an_empty_store_has_an_answer_to_everything(store: SearchStore) -> None:
    assert await both_legs(store, "harbour") == [set(), set()]
    assert await store.heads("acme", ["d"]) == {}
    assert await store.passages("acme", ["d:1:0"]) == {}
    await store.purge("acme", "d")


async def test_words_are_found_by_their_stem_and_in_the_title(store: SearchStore) -> None:
    titled = passage("t", 1, 0, "Nothing else here", title="Harbour")
    await store.index(version("acme", "t"), [titled])
    await store.promote("acme", "t", 1)
    await put(store, "d", [HARBOUR, ORCHARD])
    found = await store.bm25(SCOPE, "harbour", 10)
    assert {hit.passage_id for hit in found} == {"t:1:0", "d:1:0"}


async def test_bm25_counts_rare_words_and_keeps_to_k(store: SearchStore) -> None:
    await put(store, "d", ["common rare", "common", "common thing"])
    found = await store.bm25(SCOPE, "common rare", 2)
    assert found[0].passage_id == "d:1:0"
    assert found[0].score > found[1].score
    assert len(found) == 2


async def test_dense_orders_by_cosine_and_keeps_to_k(store: SearchStore) -> None:
    await put(store, "d", [ORCHARD, HARBOUR, "quite another thing"])
    found = await store.dense(SCOPE, unit_vector(HARBOUR), 2)
    assert found[0].passage_id == "d:1:1"
    assert found[0].score == pytest.approx(1, abs=0.01)
    assert len(found) == 2


async def test_hits_say_which_version_they_are_of(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR], ordinal=3)
    (hit,) = await store.bm25(SCOPE, "harbour", 10)
    assert (hit.document_id, hit.ordinal) == ("d", 3)


async def test_an_indexed_version_is_invisible_until_promoted(store: SearchStore) -> None:
    await store.index(version("acme", "d"), passages_of("d", 1, [HARBOUR]))
    assert await store.heads("acme", ["d"]) == {}
    assert await both_legs(store, "harbour") == [set(), set()]
    assert await store.promote("acme", "d", 1)
    assert await store.heads("acme", ["d"]) == {"d": Head(1, live=True)}
    assert await both_legs(store, "harbour") == [{"d:1:0"}, {"d:1:0"}]


async def test_a_version_indexed_again_is_held_once(store: SearchStore) -> None:
    for _ in range(3):
        await put(store, "d", [HARBOUR, ORCHARD])
    assert len(await store.dense(SCOPE, unit_vector(HARBOUR), 100)) == 2
    assert len(await store.bm25(SCOPE, "harbour orchard", 100)) == 2


async def test_a_version_without_passages_replaces_one_with(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR])
    await put(store, "d", [], ordinal=2)
    assert await both_legs(store, "harbour") == [set(), set()]


async def test_a_higher_version_replaces_a_lower_one(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR, ORCHARD])
    await put(store, "d", [HARBOUR], ordinal=2)
    assert await both_legs(store, "harbour") == [{"d:2:0"}, {"d:2:0"}]
    await store.purge("acme", "d")
    assert await both_legs(store, "harbour") == [{"d:2:0"}, {"d:2:0"}]
    assert set(await store.passages("acme", ["d:1:0", "d:1:1", "d:2:0"])) == {"d:2:0"}


async def test_a_lower_version_that_comes_late_stays_invisible(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR], ordinal=2)
    await store.index(version("acme", "d", 1), passages_of("d", 1, [ORCHARD]))
    assert not await store.promote("acme", "d", 1)
    assert await both_legs(store, "orchard") == [set(), {"d:2:0"}]


async def test_promoting_twice_says_the_same(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR])
    assert await store.promote("acme", "d", 1)
    assert await store.promote("acme", "d", 1)


async def test_hide_hides_at_once_and_purge_removes(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR])
    await put(store, "e", [ORCHARD])
    assert await store.hide("acme", "d", 1)
    assert await store.hide("acme", "d", 1)
    assert await both_legs(store, "harbour") == [set(), {"e:1:0"}]
    assert await store.heads("acme", ["d", "e"]) == {"d": Head(1, False), "e": Head(1, True)}
    await store.purge("acme", "d")
    assert set(await store.passages("acme", ["d:1:0", "e:1:0"])) == {"e:1:0"}


async def test_a_buried_version_cannot_come_back(store: SearchStore) -> None:
    await store.hide("acme", "d", 2)
    for ordinal in (1, 2):
        await store.index(version("acme", "d", ordinal), passages_of("d", ordinal, [HARBOUR]))
        assert not await store.promote("acme", "d", ordinal)
    assert await both_legs(store, "harbour") == [set(), set()]
    await store.purge("acme", "d")
    assert await store.passages("acme", ["d:1:0", "d:2:0"]) == {}


async def test_a_deleted_document_can_be_ingested_again(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR])
    await store.hide("acme", "d", 1)
    await put(store, "d", [ORCHARD], ordinal=2)
    await store.purge("acme", "d")
    assert await both_legs(store, "orchard") == [{"d:2:0"}, {"d:2:0"}]


async def test_a_late_hide_of_a_lower_ordinal_hides_nothing(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR], ordinal=2)
    assert not await store.hide("acme", "d", 1)
    await store.purge("acme", "d")
    assert await both_legs(store, "harbour") == [{"d:2:0"}, {"d:2:0"}]


async def test_purge_leaves_a_version_above_the_head(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR])
    await store.index(version("acme", "d", 2), passages_of("d", 2, [ORCHARD]))
    await store.purge("acme", "d")
    assert await store.promote("acme", "d", 2)
    assert await both_legs(store, "orchard") == [{"d:2:0"}, {"d:2:0"}]


async def test_many_hidden_passages_do_not_crowd_out_shown_ones(store: SearchStore) -> None:
    await store.index(version("acme", "d", 1), passages_of("d", 1, [HARBOUR] * 30))
    await put(store, "e", ["harbour and more words than the others have"])
    words = await store.bm25(SCOPE, "harbour", 5)
    near = await store.dense(SCOPE, unit_vector(HARBOUR), 5)
    assert [hit.passage_id for hit in words] == ["e:1:0"]
    assert [hit.passage_id for hit in near] == ["e:1:0"]


async def test_tenants_do_not_see_each_other(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR])
    await put(store, "f", [HARBOUR], tenant="rival")
    assert await both_legs(store, "harbour") == [{"d:1:0"}, {"d:1:0"}]
    assert await both_legs(store, "harbour", Scope("rival")) == [{"f:1:0"}, {"f:1:0"}]
    assert await both_legs(store, "harbour", Scope("nobody")) == [set(), set()]
    assert await store.passages("rival", ["d:1:0"]) == {}
    assert await store.heads("rival", ["d"]) == {}


async def test_equal_ids_of_two_tenants_are_two_documents(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR])
    await put(store, "d", [ORCHARD], tenant="rival")
    await store.hide("acme", "d", 1)
    await store.purge("acme", "d")
    assert await both_legs(store, "harbour") == [set(), set()]
    assert await both_legs(store, "orchard", Scope("rival")) == [{"d:1:0"}, {"d:1:0"}]


async def test_a_removed_tenant_leaves_nothing_and_begins_anew(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR, ORCHARD], visibility=("user:ann",))
    await put(store, "e", [HARBOUR])
    await store.hide("acme", "e", 1)
    await put(store, "d", [HARBOUR], tenant="rival", visibility=("user:ann",))
    assert (await store.remove_tenant("acme")).passages == 3
    assert await store.holdings("acme", Page("", 10)) == []
    ann = Scope("acme", ("user:ann",))
    assert await store.audience(ann) == set()
    assert await both_legs(store, "harbour", ann) == [set(), set()]
    assert (await store.remove_tenant("acme")).passages == 0
    rival = Scope("rival", ("user:ann",))
    assert await both_legs(store, "harbour", rival) == [{"d:1:0"}, {"d:1:0"}]
    # Ingestion gives a tenant that is created again higher ordinals.
    await put(store, "d", [ORCHARD], ordinal=2)
    assert await both_legs(store, "orchard") == [{"d:2:0"}, {"d:2:0"}]
    assert await both_legs(store, "orchard", rival) == [set(), {"d:1:0"}]


async def test_visibility_is_inside_both_legs(store: SearchStore) -> None:
    await put(store, "open", [HARBOUR])
    await put(store, "law", [HARBOUR], visibility=("group:law", "user:ann"))
    await put(store, "nobody", [HARBOUR], visibility=())
    for member in ("group:law", "user:ann"):
        scope = Scope("acme", ("user:bob-too", member))
        assert await both_legs(store, "harbour", scope) == [{"open:1:0", "law:1:0"}] * 2
    assert await both_legs(store, "harbour", Scope("acme", ("group:lawn",))) == [{"open:1:0"}] * 2
    assert await both_legs(store, "harbour") == [{"open:1:0"}] * 2


async def test_forbidden_passages_do_not_crowd_out_allowed_ones(store: SearchStore) -> None:
    await put(store, "law", [HARBOUR] * 30, visibility=("group:law",))
    await put(store, "open", ["harbour and more words than the others have"])
    assert [h.passage_id for h in await store.bm25(SCOPE, "harbour", 5)] == ["open:1:0"]
    near = await store.dense(SCOPE, unit_vector(HARBOUR), 5)
    assert [h.passage_id for h in near] == ["open:1:0"]


async def test_passages_come_back_as_they_went_in(store: SearchStore) -> None:
    indexed = passage("d", 1, 0, 'Ünï "codé" \U0001f600\n\tx', title="T")
    await store.index(version("acme", "d"), [indexed])
    found = (await store.passages("acme", ["d:1:0", "no:1:0"]))["d:1:0"]
    assert found.passage == indexed.passage
    assert (found.document_id, found.ordinal, found.name) == ("d", 1, "d.md")


ODD_QUERIES = {
    "stop words": "to be or not to be the",
    "punctuation": "\"'*()^:-+{}[]~!? AND OR NOT NEAR",
    "control characters": "harbour\x00\x07\x1b\n",
    "other script": "港口 مرفأ гавань बंदरगाह",
    "emoji": "\U0001f600\U0001f680",
    "half a surrogate pair": "harbour \ud800",
    "combining": "e\u0301\u0301\u0301 \u0301",
    "fractions and superscripts": "½ ² ٣",
    "long": "harbour froze " * 700,
    "many words": " ".join(f"word{n}" for n in range(2_000)),
    "syntax": 'text:harbour NEAR("a b", 3) ^x title : y*',
}


@pytest.mark.parametrize("query", ODD_QUERIES.values(), ids=ODD_QUERIES.keys())
async def test_any_query_has_an_answer(store: SearchStore, query: str) -> None:
    await put(store, "d", [HARBOUR, ORCHARD])
    found = await store.bm25(SCOPE, query, 10)
    assert {hit.passage_id for hit in found} <= {"d:1:0", "d:1:1"}


async def test_odd_characters_do_not_hide_the_words_between_them(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR])
    for query in (
        "harbour\x00\x07",
        "harbour\ud800",
        '"harbour*',
        "(harbour)",
        "HARBOUR?",
        "x:harbour",
    ):
        assert len(await store.bm25(SCOPE, query, 10)) == 1, query


ODD_PRINCIPALS = ("user:ann\x00", "user:ann\x00bob", "\ud800", "user:ann\ud800", "*\x00", "")


@pytest.mark.parametrize("principal", ODD_PRINCIPALS)
async def test_a_name_with_odd_characters_opens_nothing(store: SearchStore, principal: str) -> None:
    await put(store, "d", [HARBOUR], visibility=("user:ann",))
    scope = Scope("acme", (principal,))
    assert await both_legs(store, "harbour", scope) == [set(), set()]
    assert await store.passage(scope, "d:1:0") is None


ODD_CONDITIONS = [
    {"field": "metadata.year", "eq": 10**400},
    {"field": "metadata.year", "range": {"gt": 10**400}},
    {"field": "metadata.year", "range": {"lt": -(10**400)}},
    {"field": "metadata.year", "in": [1.7e308, -1.7e308, 5e-324, 2**63]},
    {"field": "created_at", "range": {"gt": "9999-12-31T23:59:59.999-23:59"}},
    {"field": "created_at", "range": {"lt": "0001-01-01T00:00:00+23:59"}},
    {"field": "name", "prefix": "\U0010ffff"},
    {"field": "metadata.\uffff", "range": {"gte": "\U0010ffff"}},
]


@pytest.mark.parametrize("wanted", ODD_CONDITIONS)
async def test_an_odd_value_in_a_filter_finds_nothing(
    store: SearchStore, wanted: Mapping[str, Any]
) -> None:
    await put(store, "d", [HARBOUR])
    scope = Scope("acme", (), read_filter(wanted))
    assert await both_legs(store, "harbour", scope) == [set(), set()]
    assert await both_legs(store, "harbour", Scope("acme", (), Not(read_filter(wanted)))) == [
        {"d:1:0"},
        {"d:1:0"},
    ]


async def test_a_passage_is_read_in_scope_and_as_the_head_shows_it(store: SearchStore) -> None:
    await put(store, "law", [HARBOUR, ORCHARD], visibility=("group:law",))
    lawyer = Scope("acme", ("group:law",))
    read = await store.passage(lawyer, "law:1:1")
    assert read == (await store.passages("acme", ["law:1:1"]))["law:1:1"]
    for scope in (SCOPE, Scope("acme", ("group:tax",)), Scope("rival", ("group:law",))):
        assert await store.passage(scope, "law:1:1") is None
    assert await store.passage(lawyer, "law:1:2") is None
    await put(store, "law", [HARBOUR], ordinal=2, visibility=("group:law",))
    assert await store.passage(lawyer, "law:1:1") is None
    assert await store.passage(lawyer, "law:2:0") is not None
    await store.hide("acme", "law", 2)
    assert await store.passage(lawyer, "law:2:0") is None


async def test_a_restart_forgets_nothing(open_store: OpenStore) -> None:
    async with open_store() as store:
        await put(store, "d", [HARBOUR])
        await put(store, "gone", [HARBOUR])
        await store.hide("acme", "gone", 1)
        await put(store, "law", [HARBOUR], visibility=("group:law",))
        await store.index(version("acme", "hidden"), passages_of("hidden", 1, [HARBOUR]))
    async with open_store() as store:
        assert await both_legs(store, "harbour") == [{"d:1:0"}, {"d:1:0"}]
        assert not await store.promote("acme", "gone", 1)
        assert await store.promote("acme", "hidden", 1)
        assert await both_legs(store, "harbour") == [{"d:1:0", "hidden:1:0"}] * 2
        inside = await both_legs(store, "harbour", Scope("acme", ("group:law",)))
        assert inside == [{"d:1:0", "hidden:1:0", "law:1:0"}] * 2


async def test_what_is_freed_is_used_again_by_others_only_as_themselves(store: SearchStore) -> None:
    for ordinal in range(1, 6):
        await put(store, "d", [HARBOUR] * ordinal, ordinal=ordinal)
        await put(store, f"law{ordinal}", [ORCHARD] * 2, visibility=("group:law",))
        await store.purge("acme", "d")
        expected = {f"d:{ordinal}:{n}" for n in range(ordinal)}
        assert (await both_legs(store, "harbour"))[1] == expected


async def test_versions_in_any_order_and_at_once_end_the_same(store: SearchStore) -> None:
    async def version_comes(ordinal: int) -> None:
        await store.index(version("acme", "d", ordinal), passages_of("d", ordinal, [HARBOUR]))
        await store.promote("acme", "d", ordinal)
        await store.purge("acme", "d")

    await asyncio.gather(*(version_comes(n) for n in (4, 1, 6, 3, 2)), store.hide("acme", "d", 5))
    assert await both_legs(store, "harbour") == [{"d:6:0"}, {"d:6:0"}]
    assert await store.heads("acme", ["d"]) == {"d": Head(6, live=True)}


async def test_a_search_never_mixes_versions_while_they_change(store: SearchStore) -> None:
    await put(store, "d", [HARBOUR] * 3)

    async def change() -> None:
        for ordinal in range(2, 20):
            await put(store, "d", [HARBOUR] * 3, ordinal=ordinal)
            await store.purge("acme", "d")

    changing = asyncio.create_task(change())
    while not changing.done():
        await asyncio.sleep(0)
        for found in (
            await store.bm25(SCOPE, "harbour", 10),
            await store.dense(SCOPE, unit_vector(HARBOUR), 10),
        ):
            assert len({hit.ordinal for hit in found}) <= 1
    await changing


async def test_an_audience_are_the_names_that_documents_are_limited_to(store: SearchStore) -> None:
    asked = Scope("acme", ("user:ann", "group:hr", "group:it", "group:h.*"))
    assert await store.audience(asked) == set()
    await put(store, "open", [HARBOUR])
    assert await store.audience(asked) == set()
    await put(store, "hr", [HARBOUR], visibility=("group:hr", "user:bob"))
    await put(store, "foreign", [HARBOUR], tenant="other", visibility=("user:ann",))
    assert await store.audience(asked) == {"group:hr"}
    assert await store.audience(Scope("acme")) == set()
    assert await store.audience(Scope("nobody", ("user:ann",))) == set()
