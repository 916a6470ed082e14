"""The search use case: legs side by side, what fails is named, every call is metered."""

import asyncio
from typing import Any, cast

import pytest

from contracts.envelope import Context
from contracts.platform.replies import RequestFailedV1
from contracts.platform.usage import ModelUsedV2
from contracts.retrieval.search import SearchAnsweredV1, SearchRequestedV1
from services.retrieval.controllers.search_requested import SearchRequested
from services.retrieval.models.mapping import Mapping, MappingMismatch
from services.retrieval.services.reranking import Breaker, Reranker
from services.retrieval.services.search import Defaults, Search
from services.retrieval.services.spending import Meter
from shared.errors import Unavailable
from shared.outcomes import Done
from shared.testing.probe import until
from tests.unit.retrieval.fakes import FakeModel, FakePublisher
from tests.unit.retrieval.making import MAPPING, passages_of, version
from tests.unit.retrieval.memory_store import MemoryStore

CONTEXT = Context(tenant="acme", principal="ann", causation_id="request-1")
TEXTS = ["the harbour froze", "harbour lights", "apples ripen", "the harbour master counts apples"]


class House:
    """A Search with everything around it fake."""

    def __init__(self, **settings: Any) -> None:
        self.store, self.model, self.publisher = MemoryStore(), FakeModel(), FakePublisher()
        self.meter = Meter(self.publisher)
        self.now = 0.0
        budget_s = settings.pop("rerank_budget_s", 5.0)
        breaker = Breaker(clock=lambda: self.now)
        self.search = Search(
            self.store,
            self.model,
            settings.pop("mapping", MAPPING),
            self.meter,
            Reranker(self.model, "test.reranker", budget_s, breaker),
            Defaults(**settings),
        )

    async def filled(self) -> "House":
        await self.store.index(version("acme", "d"), passages_of("d", 1, TEXTS))
        await self.store.promote("acme", "d", 1)
        return self

    async def ask(self, query: str = "harbour", **fields: Any) -> SearchAnsweredV1:
        return await self.search(SearchRequestedV1(query=query, **fields), CONTEXT)

    def used(self) -> list[ModelUsedV2]:
        return cast(list[ModelUsedV2], self.publisher.messages("usage"))


async def test_hits_come_best_first_with_their_reasons() -> None:
    house = await House().filled()
    answer = await house.ask("harbour lights", legs=("bm25", "dense"), limit=2)
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


async def test_a_leg_that_did_not_find_a_hit_is_silent_about_it() -> None:
    house = await House().filled()
    answer = await house.ask("lights", legs=("bm25", "dense"))
    found_by_words = [hit.text for hit in answer.hits if hit.explain.bm25]
    assert found_by_words == ["harbour lights"]
    assert all(hit.explain.dense for hit in answer.hits)


async def test_a_query_without_words_is_answered_by_the_dense_leg() -> None:
    house = await House().filled()
    answer = await house.ask("to be or not to be")
    assert answer.legs["bm25"] == "applied"
    assert answer.hits


async def test_an_empty_store_answers_nothing() -> None:
    answer = await House().ask()
    assert answer.hits == ()
    assert answer.legs == {"bm25": "applied", "dense": "applied", "rerank": "skipped"}


@pytest.mark.parametrize("leg", ["bm25", "dense"])
async def test_a_leg_that_fails_is_named_and_left_out(leg: str) -> None:
    house = await House().filled()
    house.store.down = {leg}
    answer = await house.ask()
    assert answer.legs[leg] == "failed"
    assert answer.hits
    assert all(getattr(hit.explain, leg) is None for hit in answer.hits)


async def test_without_embeddings_the_words_still_answer() -> None:
    house = await House().filled()
    house.model.embed_down = True
    answer = await house.ask()
    assert (answer.legs["bm25"], answer.legs["dense"]) == ("applied", "failed")
    assert len(answer.hits) == 3
    assert [used.purpose for used in house.used()] == ["rerank"]


async def test_all_legs_down_is_an_empty_answer_that_says_so() -> None:
    house = await House().filled()
    house.store.down = {"bm25", "dense"}
    answer = await house.ask()
    assert answer.hits == ()
    assert answer.legs == {"bm25": "failed", "dense": "failed", "rerank": "skipped"}


async def test_legs_are_those_asked_for_and_unknown_ground_is_skipped() -> None:
    house = await House().filled()
    answer = await house.ask(legs=("bm25", "graph"))
    assert answer.legs == {"bm25": "applied", "graph": "skipped"}
    assert house.used() == []


async def test_a_hit_that_is_no_longer_its_heads_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = await House().filled()
    find = house.store.dense

    async def find_then_bury(*args: Any) -> Any:
        found = await find(*args)
        await house.store.bury("acme", "d", 1)
        return found

    monkeypatch.setattr(house.store, "dense", find_then_bury)
    answer = await house.ask()
    assert answer.legs["dense"] == "applied"
    assert answer.hits == ()


async def test_a_document_that_changes_between_legs_and_heads_is_not_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = await House().filled()
    await house.store.index(version("acme", "d", 2), passages_of("d", 2, ["the harbour thawed"]))
    heads = house.store.heads
    moved: list[bool] = []

    async def move_then_read(*args: Any) -> Any:
        if not moved:
            moved.append(await house.store.promote("acme", "d", 2))
        return await heads(*args)

    monkeypatch.setattr(house.store, "heads", move_then_read)
    answer = await house.ask("harbour", legs=("bm25", "dense"))
    assert moved == [True]
    assert [hit.text for hit in answer.hits] == ["the harbour thawed"]
    assert house.model.embedded == ["harbour"]  # and paid once


async def test_a_version_that_is_purged_before_it_is_read_is_looked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = await House().filled()
    await house.store.index(version("acme", "d", 2), passages_of("d", 2, ["the harbour thawed"]))
    read = house.store.passages
    reads: list[int] = []

    async def purge_then_read(*args: Any) -> Any:
        await house.store.promote("acme", "d", 2)
        await house.store.purge("acme", "d")
        found = await read(*args)
        reads.append(len(found))
        return found

    monkeypatch.setattr(house.store, "passages", purge_then_read)
    answer = await house.ask("harbour", legs=("bm25",))
    assert reads == [0, 1]
    assert [hit.text for hit in answer.hits] == ["the harbour thawed"]


async def test_every_model_call_is_metered_once_with_its_turn() -> None:
    house = await House().filled()
    for _ in range(2):
        answer = await house.ask(turn_id="turn-1")
    assert answer.input_tokens == 7
    assert answer.cost_usd == "0.003"
    used = {u.purpose: u for u in house.used()}
    assert set(used) == {"embed_query", "rerank"}
    assert len(house.used()) == 2
    assert used["embed_query"].input_tokens == 7
    assert {u.turn_id for u in used.values()} == {"turn-1"}
    assert {u.service for u in used.values()} == {"retrieval"}


async def test_what_cannot_be_metered_is_not_answered() -> None:
    house = await House().filled()
    house.publisher.down = True
    with pytest.raises(Unavailable, match="sns"):
        await house.ask()


async def test_the_reranker_has_its_say() -> None:
    house = await House().filled()
    house.model.relevance = dict.fromkeys(TEXTS, 0.1) | {"apples ripen": 90.0}
    answer = await house.ask("harbour apples")
    assert answer.legs["rerank"] == "applied"
    best = max(
        answer.hits, key=lambda hit: hit.explain.rerank.raw or 0 if hit.explain.rerank else 0
    )
    assert best.text == "apples ripen"
    assert best.explain.rerank is not None
    assert best.explain.rerank.rank == 1
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)


async def test_a_late_reranker_is_left_out_and_still_metered() -> None:
    house = await House(rerank_budget_s=0.01).filled()
    house.model.release = asyncio.Event()
    answer = await house.ask()
    assert answer.legs["rerank"] == "failed"
    assert answer.hits
    assert [used.purpose for used in house.used()] == ["embed_query"]
    house.model.release.set()
    await house.meter.drain()
    assert [used.purpose for used in house.used()] == ["embed_query", "rerank"]
    assert not house.meter.running


async def test_a_reranker_that_keeps_failing_is_skipped_and_tried_again_later() -> None:
    house = await House().filled()
    house.model.rerank_down = True
    states = [(await house.ask()).legs["rerank"] for _ in range(5)]
    assert states == ["failed"] * 3 + ["skipped"] * 2
    house.now += 6
    house.model.rerank_down = False
    assert (await house.ask()).legs["rerank"] == "applied"
    assert (await house.ask()).legs["rerank"] == "applied"


async def test_a_slow_leg_misses_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    house = await House(leg_budget_s=0.01).filled()
    never = asyncio.Event()

    async def hangs(*_args: Any) -> Any:
        await never.wait()

    monkeypatch.setattr(house.store, "bm25", hangs)
    answer = await house.ask()
    assert answer.legs["bm25"] == "failed"
    assert answer.hits


async def test_a_vector_of_another_length_is_a_defect_that_is_named() -> None:
    house = await House(mapping=Mapping("other", 3)).filled()
    with pytest.raises(MappingMismatch, match="other with 3 dimensions"):
        await house.ask()
    await until(lambda: house.used())


async def test_weights_and_fusion_are_the_requests() -> None:
    house = await House().filled()
    by_words = await house.ask(
        "harbour lights", legs=("bm25", "dense"), weights={"bm25": 1, "dense": 0}, fusion="minmax"
    )
    assert by_words.hits[0].score == 1.0
    assert by_words.hits[0].text == "harbour lights"


async def test_a_filter_is_inside_every_leg() -> None:
    house = await House().filled()
    await house.store.index(version("acme", "e"), passages_of("e", 1, TEXTS))
    await house.store.promote("acme", "e", 1)
    answer = await house.ask(filter={"field": "document_id", "in": ["e", "x"]})
    assert {hit.document_id for hit in answer.hits} == {"e"}
    answer = await house.ask(filter={"field": "document_id", "eq": "x"})
    assert answer.hits == ()


async def test_a_filter_that_cannot_be_read_is_refused_by_name() -> None:
    house = await House().filled()
    request = SearchRequestedV1(query="harbour", filter={"field": "colour", "eq": "red"})
    outcome = await SearchRequested(house.search)(request, CONTEXT)
    assert isinstance(outcome, Done)
    assert isinstance(outcome.reply, RequestFailedV1)
    assert outcome.reply.code == "invalid_filter"
    assert outcome.reply.message.startswith("colour: there is no such field")
    assert house.used() == []


async def typed(query: str, texts: list[str], **fields: Any) -> SearchAnsweredV1:
    house = House()
    await house.store.index(version("acme", "t"), passages_of("t", 1, texts))
    await house.store.promote("acme", "t", 1)
    return await house.ask(query, legs=("bm25", "dense"), **fields)


async def test_a_quoted_phrase_is_required_of_every_leg() -> None:
    texts = ["majeure of force", "A Force\nMajeure clause", "force and majeure", "apples"]
    answer = await typed('"force majeure"', texts)
    assert [hit.text for hit in answer.hits] == [texts[1]]
    assert answer.hits[0].exact == ("force majeure",)
    assert (await typed('"no such words"', texts)).hits == ()


async def test_a_phrase_in_a_longer_sentence_is_not_required() -> None:
    answer = await typed('who ever wrote about "force majeure" before', ["apples", "force majeure"])
    assert {hit.text for hit in answer.hits} == {"apples", "force majeure"}


async def test_an_identifier_comes_first_and_scores_fall() -> None:
    texts = ["err 404", "err_404 in the gateway", "gateway err gateway err", "gateway"] + ["x"] * 9
    answer = await typed("gateway err_405 err", [*texts, "a long text that names err_405 once"])
    assert answer.hits[0].text == "a long text that names err_405 once"
    assert answer.hits[0].exact == ("err_405",)
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)


async def test_passages_that_read_the_same_are_one_hit_that_names_the_others() -> None:
    answer = await typed("harbour", ["The  harbour froze", "the harbour\nfroze", "apples"])
    assert len(answer.hits) == 2
    (first, twin) = (answer.hits[0], answer.hits[0].also_in[0])
    assert {first.passage_id, twin.passage_id} == {"t:1:0", "t:1:1"}
    assert answer.hits[1].also_in == ()


async def test_a_hit_says_where_the_words_stand() -> None:
    (hit,) = (await typed("harbours", ["The harbour froze"])).hits
    assert hit.explain.highlights == ((4, 11),)
