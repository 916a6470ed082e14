"""A search: legs side by side, what fails is named, every model call is metered."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import combinations
from typing import Any

import pytest
import pytest_asyncio

from contracts.platform.replies import RequestFailedV1
from contracts.retrieval.search import Leg, SearchAnsweredV1, SearchRequestedV1
from services.retrieval.bootstrap import bootstrap
from services.retrieval.models.embedding_space import OtherEmbeddingSpace
from services.retrieval.services.searching.legs import Stopwatch
from services.retrieval.services.searching.ranking import Reranker
from services.retrieval.settings import RetrievalSettings
from shared.breaker import OPEN_S, Breaker
from shared.metering import Bill, Metering
from shared.testing.fakes import FakeBlobs, FakePublisher, no_bus
from tests.unit.retrieval.conftest import OpenHouse
from tests.unit.retrieval.fakes import FakeModel
from tests.unit.retrieval.house import CONTEXT, House
from tests.unit.retrieval.making import passages_of, version
from tests.unit.retrieval.memory_store import MemoryStore

Typed = Callable[[str, list[str]], Awaitable[SearchAnsweredV1]]
LEGS: tuple[Leg, ...] = ("bm25", "dense", "graph", "rerank")
TEXTS = ["the harbour froze", "harbour lights", "apples ripen", "the harbour master counts apples"]


@pytest_asyncio.fixture
async def filled(house: House) -> House:
    await house.put("d", TEXTS)
    return house


async def test_hits_come_best_first_with_their_reasons(filled: House) -> None:
    answer = await filled.ask("harbour lights", legs=("bm25", "dense"), limit=2)
    assert answer.legs == {"bm25": "applied", "dense": "applied"}
    first, second = answer.hits
    assert first.text == "harbour lights"
    assert first.score > second.score
    assert (first.document_id, first.ordinal, first.name, first.page) == ("d", 1, "d.md", 2)
    explain = first.explain
    assert explain.bm25 is not None
    assert (explain.bm25.raw, explain.bm25.rank) == (2.0, 1)
    assert explain.dense is not None
    assert explain.dense.raw == pytest.approx(1, abs=0.01)
    assert explain.fused is not None
    assert (explain.fused.raw, explain.fused.rank) == (first.score, 1)
    assert explain.rerank is None
    assert {"bm25", "dense", "embed", "read", "total"} <= set(answer.took_ms)


async def test_a_leg_that_did_not_find_a_hit_is_silent_about_it(filled: House) -> None:
    answer = await filled.ask("lights", legs=("bm25", "dense"))
    found_by_words = [hit.text for hit in answer.hits if hit.explain.bm25]
    assert found_by_words == ["harbour lights"]
    assert all(hit.explain.dense for hit in answer.hits)


async def test_a_query_without_words_is_answered_by_the_dense_leg(filled: House) -> None:
    answer = await filled.ask("to be or not to be")
    assert answer.legs["bm25"] == "applied"
    assert answer.hits


async def test_an_empty_store_answers_nothing(house: House) -> None:
    answer = await house.ask()
    assert answer.hits == ()
    skipped = {"graph": "skipped", "rerank": "skipped"}
    assert answer.legs == {"bm25": "applied", "dense": "applied"} | skipped


@pytest.mark.parametrize("leg", ["bm25", "dense"])
async def test_a_leg_that_fails_is_named_and_left_out(filled: House, leg: str) -> None:
    filled.store.down = {leg}
    answer = await filled.ask()
    assert answer.legs[leg] == "failed"
    assert answer.hits
    assert all(getattr(hit.explain, leg) is None for hit in answer.hits)


async def test_without_embeddings_the_words_still_answer(filled: House) -> None:
    filled.model.embed_faults.left = -1
    answer = await filled.ask()
    assert (answer.legs["bm25"], answer.legs["dense"]) == ("applied", "failed")
    assert len(answer.hits) == 3
    assert filled.model.embed_faults.fired == 1
    assert [used.purpose for used in await filled.used()] == ["rerank"]


async def test_all_legs_down_is_an_empty_answer_that_says_so(filled: House) -> None:
    filled.store.down = {"bm25", "dense"}
    answer = await filled.ask()
    assert answer.hits == ()
    skipped = {"graph": "skipped", "rerank": "skipped"}
    assert answer.legs == {"bm25": "failed", "dense": "failed"} | skipped


@pytest.mark.parametrize("down", [c for n in range(5) for c in combinations(LEGS, n)])
async def test_every_leg_says_what_became_of_it(
    open_house: OpenHouse, down: tuple[str, ...]
) -> None:
    """A leg that had nothing to work on, since others failed, did not run: it is skipped."""
    store = MemoryStore(down={"owners" if leg == "graph" else leg for leg in down} - {"rerank"})
    house = await open_house(store, store)
    await house.put("d", TEXTS)
    house.model.rerank_faults.left = -1 if "rerank" in down else 0
    answer = await house.ask(legs=LEGS)
    expected = {leg: "failed" if leg in down else "applied" for leg in LEGS}
    if {"bm25", "dense"} <= set(down):
        expected |= {"graph": "skipped", "rerank": "skipped"}
        assert answer.hits == ()
    assert answer.legs == expected
    for leg in down:
        assert all(getattr(hit.explain, leg) is None for hit in answer.hits)


async def test_legs_are_those_asked_for_and_unknown_ground_is_skipped(filled: House) -> None:
    answer = await filled.ask(legs=("bm25", "graph"))
    assert answer.legs == {"bm25": "applied", "graph": "skipped"}
    assert await filled.used() == []


async def test_a_hit_that_is_no_longer_its_heads_is_dropped(
    filled: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = filled.store.dense

    async def find_then_hide(*args: Any) -> Any:
        found = await find(*args)
        await filled.store.hide("acme", "d", 1)
        return found

    monkeypatch.setattr(filled.store, "dense", find_then_hide)
    answer = await filled.ask()
    assert answer.legs["dense"] == "applied"
    assert answer.hits == ()


async def test_a_document_that_changes_between_legs_and_heads_is_not_missing(
    filled: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled.store.index(version("acme", "d", 2), passages_of("d", 2, ["the harbour thawed"]))
    heads = filled.store.heads
    moved: list[bool] = []

    async def move_then_read(*args: Any) -> Any:
        if not moved:
            moved.append(await filled.store.promote("acme", "d", 2))
        return await heads(*args)

    monkeypatch.setattr(filled.store, "heads", move_then_read)
    answer = await filled.ask("harbour", legs=("bm25", "dense"))
    assert moved == [True]
    assert [hit.text for hit in answer.hits] == ["the harbour thawed"]
    assert filled.model.embedded == ["harbour"]  # and paid once


async def test_a_version_that_is_purged_before_it_is_read_is_looked_for_again(
    filled: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled.store.index(version("acme", "d", 2), passages_of("d", 2, ["the harbour thawed"]))
    read = filled.store.passages
    reads: list[int] = []

    async def purge_then_read(*args: Any) -> Any:
        await filled.store.promote("acme", "d", 2)
        await filled.store.purge("acme", "d")
        found = await read(*args)
        reads.append(len(found))
        return found

    monkeypatch.setattr(filled.store, "passages", purge_then_read)
    answer = await filled.ask("harbour", legs=("bm25",))
    assert reads == [0, 1]
    assert [hit.text for hit in answer.hits] == ["the harbour thawed"]


async def test_every_model_call_is_metered_once_with_its_turn(filled: House) -> None:
    for _ in range(2):
        answer = await filled.ask(turn_id="turn-1")
    assert answer.input_tokens == 7
    assert answer.cost_usd == "0.003"
    events = await filled.used()
    assert [used.purpose for used in events] == ["embed_query", "rerank"] * 2
    used = {one.purpose: one for one in events}
    assert used["embed_query"].input_tokens == 7
    assert {u.turn_id for u in used.values()} == {"turn-1"}
    assert {u.service for u in used.values()} == {"retrieval"}


async def test_an_outage_of_sns_delays_the_usage_and_not_the_answer(filled: House) -> None:
    filled.publisher.faults.left = 1
    answer = await filled.ask()
    assert answer.hits
    assert answer.cost_usd == "0.003"
    assert sorted(one.purpose for one in await filled.used()) == ["embed_query", "rerank"]
    assert filled.publisher.faults.fired == 1


async def test_the_reranker_has_its_say(filled: House) -> None:
    filled.model.relevance = dict.fromkeys(TEXTS, 0.1) | {"apples ripen": 90.0}
    answer = await filled.ask("harbour apples")
    assert answer.legs["rerank"] == "applied"
    best = max(
        answer.hits, key=lambda hit: hit.explain.rerank.raw or 0 if hit.explain.rerank else 0
    )
    assert best.text == "apples ripen"
    assert best.explain.rerank is not None
    assert best.explain.rerank.rank == 1
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)


async def test_a_late_reranker_is_left_out_and_still_metered(open_house: OpenHouse) -> None:
    house = await open_house(rerank_budget_ms=10)
    await house.put("d", TEXTS)
    house.model.release = asyncio.Event()
    answer = await house.ask()
    assert answer.legs["rerank"] == "failed"
    assert answer.hits
    assert answer.cost_usd == "0.001"
    assert house.model.reranked
    house.model.release.set()
    assert [used.purpose for used in await house.used()] == ["embed_query", "rerank"]


async def test_a_reranker_that_is_late_is_asked_again_each_time(open_house: OpenHouse) -> None:
    house = await open_house(rerank_budget_ms=10)
    await house.put("d", TEXTS)
    house.model.release = asyncio.Event()
    states = [(await house.ask()).legs["rerank"] for _ in range(6)]
    assert states == ["failed"] * 6
    assert len(house.model.reranked) == 6
    house.model.release.set()


async def test_a_reranker_that_keeps_failing_is_skipped(filled: House) -> None:
    filled.model.rerank_faults.left = -1
    states = [(await filled.ask()).legs["rerank"] for _ in range(5)]
    assert states == ["failed"] * 3 + ["skipped"] * 2
    assert filled.model.rerank_faults.fired == 3


async def test_a_skipped_reranker_is_tried_again_later() -> None:
    now = 0.0
    model, metering = FakeModel(), Metering("retrieval", FakePublisher())
    breaker = Breaker(failures=1, clock=lambda: now)
    reranker = Reranker(model, "amazon.rerank-v1:0", 5.0, breaker)

    async def state() -> str:
        bill, watch = Bill(metering, CONTEXT), Stopwatch()
        return (await reranker.relevance("harbour", [], bill, watch)).state

    model.rerank_faults.left = 1
    assert [await state(), await state()] == ["failed", "skipped"]
    now += OPEN_S
    assert [await state(), await state()] == ["applied", "applied"]
    assert model.rerank_faults.fired == 1
    await metering.drain()


async def test_a_defect_of_the_reranker_leaves_the_breaker_ready_for_another_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, metering = FakeModel(), Metering("retrieval", FakePublisher())
    breaker = Breaker(open_s=0.0)
    breaker.failed()
    reranker = Reranker(model, "amazon.rerank-v1:0", 5.0, breaker)

    async def breaks(*_args: Any) -> Any:
        raise KeyError("a defect")

    with monkeypatch.context() as patched:
        patched.setattr(model, "rerank", breaks)
        with pytest.raises(KeyError):
            await reranker.relevance("harbour", [], Bill(metering, CONTEXT), Stopwatch())
    done = await reranker.relevance("harbour", [], Bill(metering, CONTEXT), Stopwatch())
    assert done.state == "applied"
    await metering.drain()


async def test_a_reranker_without_a_price_is_refused_at_start() -> None:
    settings = RetrievalSettings(rerank_model="someone.elses-reranker")
    with pytest.raises(ValueError, match=r"someone\.elses-reranker.*amazon\.rerank-v1:0"):
        async with bootstrap(
            settings, bus=no_bus(), blobs=FakeBlobs(), model=FakeModel(), store=MemoryStore()
        ):
            raise AssertionError("started")


async def test_a_slow_leg_misses_its_budget(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await open_house(leg_budget_ms=300)
    await house.put("d", TEXTS)
    never = asyncio.Event()

    async def hangs(*_args: Any) -> Any:
        await never.wait()

    monkeypatch.setattr(house.store, "bm25", hangs)
    answer = await house.ask()
    assert answer.legs["bm25"] == "failed"
    assert answer.hits


async def test_a_vector_of_another_length_is_a_defect_that_is_named(open_house: OpenHouse) -> None:
    house = await open_house(embedding_model="other", embedding_dimension=3)
    with pytest.raises(OtherEmbeddingSpace, match="other with 3 dimensions"):
        await house.ask()
    assert [used.purpose for used in await house.used()] == ["embed_query"]


async def test_weights_and_fusion_are_the_requests(filled: House) -> None:
    by_words = await filled.ask(
        "harbour lights", legs=("bm25", "dense"), weights={"bm25": 1, "dense": 0}, fusion="minmax"
    )
    assert by_words.hits[0].score == 1.0
    assert by_words.hits[0].text == "harbour lights"


async def test_a_filter_is_inside_every_leg(filled: House) -> None:
    await filled.put("e", TEXTS)
    answer = await filled.ask(filter={"field": "document_id", "in": ["e", "x"]})
    assert {hit.document_id for hit in answer.hits} == {"e"}
    answer = await filled.ask(filter={"field": "document_id", "eq": "x"})
    assert answer.hits == ()


async def test_a_filter_that_cannot_be_read_is_refused_by_name(filled: House) -> None:
    request = SearchRequestedV1(query="harbour", filter={"field": "colour", "eq": "red"})
    failed = await filled.reply(request)
    assert isinstance(failed, RequestFailedV1)
    assert failed.code == "invalid_filter"
    assert failed.message.startswith("colour: there is no such field")
    assert await filled.used() == []


@pytest.mark.parametrize("odd", ["\ud800", "\x00", {"\ud800": 1}, 10**4000, float("nan"), None])
async def test_an_odd_value_in_a_filter_is_refused_or_finds_nothing(
    filled: House, odd: object
) -> None:
    reply = await filled.reply(
        SearchRequestedV1(query="harbour", filter={"field": "metadata.year", "eq": odd})
    )
    assert reply.model_dump_json()
    if isinstance(reply, RequestFailedV1):
        assert reply.code == "invalid_filter"
    else:
        assert reply.hits == ()


@pytest.fixture
def typed(house: House) -> Typed:
    async def asked(query: str, texts: list[str]) -> SearchAnsweredV1:
        await house.put("t", texts)
        return await house.ask(query, legs=("bm25", "dense"))

    return asked


async def test_a_quoted_phrase_is_required_of_every_leg(typed: Typed) -> None:
    texts = ["majeure of force", "A Force\nMajeure clause", "force and majeure", "apples"]
    answer = await typed('"force majeure"', texts)
    assert [hit.text for hit in answer.hits] == [texts[1]]
    assert answer.hits[0].exact == ("force majeure",)
    assert (await typed('"no such words"', texts)).hits == ()


async def test_a_phrase_in_a_longer_sentence_is_not_required(typed: Typed) -> None:
    answer = await typed('who ever wrote about "force majeure" before', ["apples", "force majeure"])
    assert {hit.text for hit in answer.hits} == {"apples", "force majeure"}


async def test_an_identifier_comes_first_and_scores_fall(typed: Typed) -> None:
    texts = ["err 404", "err_404 in the gateway", "gateway err gateway err", "gateway"] + ["x"] * 9
    answer = await typed("gateway err_405 err", [*texts, "a long text that names err_405 once"])
    assert answer.hits[0].text == "a long text that names err_405 once"
    assert answer.hits[0].exact == ("err_405",)
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("limit", [1, 8, 100])
async def test_a_code_of_one_word_lifts_its_passage_whatever_the_limit(
    house: House, limit: int
) -> None:
    texts = [f"Update KB50344{n} fails on small partitions" for n in range(10, 70)]
    await house.put("t", texts)
    answer = await house.ask("KB5034441", legs=("bm25", "dense"), limit=limit)
    assert answer.hits[0].text == texts[31]
    assert answer.hits[0].exact == ("KB5034441",)
    assert {hit.exact for hit in answer.hits[1:]} <= {()}
    if limit > 1:
        assert answer.hits[0].score - answer.hits[1].score > 0.5


async def test_a_code_that_many_passages_hold_lifts_none(typed: Typed) -> None:
    """Six hold it: then it is a word like others."""
    texts = [f"HX177 seal number {n}" for n in range(6)] + ["pump pressure"]
    plain = await typed("pump pressure", texts)
    assert (await typed("pump pressure HX177", texts)).hits[0].text == plain.hits[0].text


async def test_passages_that_read_the_same_are_one_hit_that_names_the_others(typed: Typed) -> None:
    answer = await typed("harbour", ["The  harbour froze", "the harbour\nfroze", "apples"])
    assert len(answer.hits) == 2
    (first, twin) = (answer.hits[0], answer.hits[0].also_in[0])
    assert {first.passage_id, twin.passage_id} == {"t:1:0", "t:1:1"}
    assert answer.hits[1].also_in == ()


async def test_a_hit_says_where_the_words_stand(typed: Typed) -> None:
    (hit,) = (await typed("harbours", ["The harbour froze"])).hits
    assert hit.explain.highlights == ((4, 11),)
