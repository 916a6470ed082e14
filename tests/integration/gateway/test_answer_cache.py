"""One popular question on two gateways that share a real Redis: who pays a model call for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV2
from contracts.ingestion.documents import DeleteDocumentV1
from contracts.ingestion.events import DocumentDeletedV1
from contracts.ingestion.queries import DocumentStateV1, DocumentSummary
from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1, UserTurn
from contracts.message import Message
from contracts.retrieval.audience import AudienceAnsweredV1, AudienceRequestedV1
from contracts.retrieval.events import DocumentIndexedV1
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.models.shared_answer import Kept, Place, Said, Worded
from services.gateway.models.tenant import CacheTiers, TenantSettings
from services.gateway.store.answer_store import AnswerStore
from shared.errors import Unavailable
from shared.testing.probe import until
from tests.unit.gateway.fakes import (
    Gateway,
    a_hit,
    a_past_turn,
    a_token,
    an_answered_search,
    events_in,
    open_gateway,
    text_of,
)
from tests.unit.gateway.test_shadowing import purposes, put

QUESTION = "What may a hotel in Denmark cost?"
ANSWER = "The allowance is 40 euros [1]."


@dataclass
class Pair:
    """Two gateways. `limited` are the names that some document is limited to."""

    one: Gateway
    two: Gateway
    limited: set[str]

    @property
    def both(self) -> tuple[Gateway, Gateway]:
        return self.one, self.two

    @property
    def model_calls(self) -> int:
        return sum(len(gateway.model.calls) for gateway in self.both)

    @property
    def searches(self) -> list[SearchRequestedV1]:
        return [asked for gateway in self.both for asked in gateway.requester.of(SearchRequestedV1)]

    @property
    def turns(self) -> list[TurnCompletedV2]:
        return [turn for gateway in self.both for turn in gateway.publisher.of(TurnCompletedV2)]

    def audience(self, message: Message) -> AudienceAnsweredV1:
        assert isinstance(message, AudienceRequestedV1)
        names = tuple(self.limited & set(message.visible_to))
        return AudienceAnsweredV1(visible_to=names)

    async def hears(self, message: Message, tenant: str = "acme") -> None:
        """One of the two gets the event: its queue has one receiver for each message."""
        handler = self.two.service.handlers["gateway-events"][type(message)]
        await handler(message, Context(tenant=tenant, causation_id="e1"))


@pytest_asyncio.fixture
async def pair(redis: Redis, redis_url: str) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(
                open_gateway(
                    answers=None, redis_cache_url=redis_url, cache_lease_s=1.5, cache_gather_s=0.01
                )
            )
            for _ in range(2)
        ]
        pair = Pair(opened[0], opened[1], limited=set())
        for gateway in pair.both:
            gateway.requester.answers[AudienceRequestedV1] = pair.audience
        yield pair


async def ask(gateway: Gateway, question: str = QUESTION, **who: Any) -> list[tuple[str, Any]]:
    body = {"question": question} | {k: who.pop(k) for k in ("conversation_id",) if k in who}
    async with gateway.client(a_token(**who)) as client:
        response = await client.post("/v1/chat", json=body)
    return events_in(response.text)


def data(events: list[tuple[str, Any]], name: str) -> Any:
    return next(data for event, data in events if event == name)


def hangs(gateway: Gateway) -> tuple[asyncio.Event, asyncio.Event]:
    """(set when the model has said its first piece, to be set so that it goes on)"""
    spoke, go_on = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        spoke.set()
        await go_on.wait()

    gateway.model.hang = hang
    return spoke, go_on


async def in_session(gateway: Gateway, user: str) -> None:
    await until(lambda: gateway.sessions.turns.get(("acme", user, "c1")))


async def keys(redis: Redis, kind: str) -> list[str]:
    found = await redis.keys(f"answers:{{acme}}:{kind}:*")
    return [key.decode() if isinstance(key, bytes) else key for key in found]


async def test_an_answer_is_given_again_without_a_call(pair: Pair) -> None:
    first = await ask(pair.one)
    again = await ask(pair.two, "  what may a Hotel in\u00a0denmark cost ?", user="bob")
    assert pair.model_calls == 1
    assert len(pair.searches) == 1
    assert [name for name, _ in again] == [name for name, _ in first]
    assert (data(first, "meta")["cached"], data(again, "meta")["cached"]) == (False, True)
    for name in ("sources", "citations"):
        assert data(again, name) == data(first, name)
    assert text_of(again) == text_of(first) == ANSWER
    assert data(again, "usage") == {
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": 0,
        "model": "first",
        "stop_reason": None,
    }
    made, given = pair.turns
    assert (given.cached, given.answer) == (made.turn_id, ANSWER)
    assert given.cost_usd == given.input_tokens == 0
    assert given.turn_id == data(again, "done")["turn_id"] != made.turn_id
    assert made.cached is None
    assert [source.cited for source in given.sources] == [True, False]


async def test_a_cached_turn_stands_in_its_session(pair: Pair) -> None:
    await ask(pair.one)
    await ask(pair.two, user="bob", conversation_id="c1")
    await in_session(pair.two, "bob")


async def test_other_tenants_pay_for_themselves(pair: Pair) -> None:
    for tenant in ("acme", "globex", "acme", "globex"):
        await ask(pair.one, tenant=tenant)
    assert pair.model_calls == 2


async def test_users_who_see_other_documents_pay_for_themselves(pair: Pair) -> None:
    pair.limited = {"group:hr"}
    await ask(pair.one, user="ann", groups=("hr", "it"))
    await ask(pair.two, user="bob", groups=("it",))
    assert pair.model_calls == 2
    # Who shares an answer sees all that was searched for it.
    assert [search.visible_to for search in pair.searches] == [("group:hr",), ()]
    await ask(pair.two, user="cem", groups=("sales", "hr"))
    await ask(pair.one, user="dee")
    assert pair.model_calls == 2


async def test_an_answer_that_is_there_is_refused_at_the_limit_too(pair: Pair) -> None:
    await ask(pair.one)
    pair.two.ledger.limit("acme", usd_month=0)
    async with pair.two.client() as client:
        answer = await client.post("/v1/chat", json={"question": QUESTION})
    assert (answer.status_code, answer.json()["code"]) == (402, "budget_reached")


async def test_a_suspended_tenant_gets_no_answer_that_is_there(pair: Pair) -> None:
    await ask(pair.one)
    pair.two.ledger.kept["acme"] = (1, TenantSettings(suspended=True))
    async with pair.two.client() as client:
        answer = await client.post("/v1/chat", json={"question": QUESTION})
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")


async def test_another_list_of_models_has_answers_of_its_own(pair: Pair) -> None:
    await ask(pair.one)
    pair.two.ledger.kept["acme"] = (1, TenantSettings(models=("second",)))
    assert data(await ask(pair.two), "meta")["cached"] is False
    assert pair.model_calls == 2


async def test_a_changed_document_costs_one_more_call(pair: Pair) -> None:
    for _ in range(2):
        await ask(pair.one)
        await ask(pair.two)
    assert pair.model_calls == 1
    changed = DocumentIndexedV1.model_validate(
        {"document_id": "doc-1", "ordinal": 2, "counts": {"chunks": 1}}
    )
    await pair.hears(changed, tenant="globex")
    await ask(pair.one)
    assert pair.model_calls == 1
    await pair.hears(changed)
    await ask(pair.one)
    await ask(pair.two)
    assert pair.model_calls == 2


async def test_an_audience_is_asked_again_when_documents_have_changed(pair: Pair) -> None:
    await ask(pair.one)
    await ask(pair.one)
    assert len(pair.one.requester.of(AudienceRequestedV1)) == 1
    pair.limited = {"user:ann"}
    changed = DocumentIndexedV1.model_validate(
        {"document_id": "doc-9", "ordinal": 1, "counts": {"chunks": 1}}
    )
    await pair.hears(changed)
    await ask(pair.one)
    assert pair.searches[-1].visible_to == ("user:ann",)
    await ask(pair.two, user="bob")
    assert pair.model_calls == 3


async def test_askers_at_the_same_time_ask_for_an_audience_once(pair: Pair) -> None:
    await asyncio.gather(*(ask(pair.one, f"What is {n}?") for n in range(5)))
    assert len(pair.one.requester.of(AudienceRequestedV1)) == 1


async def test_a_deleted_document_answers_nothing_more(pair: Pair) -> None:
    await ask(pair.one)
    await pair.hears(DocumentDeletedV1(document_id="doc-1", ordinal=1))
    # The search store does not know of it yet: the answer is given, but not kept.
    await ask(pair.one)
    await ask(pair.two)
    assert pair.model_calls == 3
    for gateway in pair.both:
        gateway.requester.answers[SearchRequestedV1] = an_answered_search(a_hit(2))
    await ask(pair.one)
    again = await ask(pair.two)
    assert pair.model_calls == 4
    assert "doc-1" not in str(again)


async def test_nothing_of_a_deleted_document_stays(pair: Pair, redis: Redis) -> None:
    await ask(pair.one)
    await ask(pair.two, "And what may a taxi cost?")
    await pair.hears(DocumentDeletedV1(document_id="doc-1", ordinal=1))
    assert await keys(redis, "entry") == []
    # What followers might still read goes by itself.
    for stream in await keys(redis, "stream"):
        assert 0 < await redis.ttl(stream) <= 20
    assert await redis.exists("answers:{acme}:entries") == 0


async def test_an_erased_users_questions_leave_the_shared_answers(pair: Pair, redis: Redis) -> None:
    spoke, go_on = hangs(pair.one)
    late = asyncio.create_task(ask(pair.one, "And what may a taxi cost?", user="ann"))
    await spoke.wait()
    await ask(pair.two, user="ann")
    assert len(await keys(redis, "entry")) == 1
    async with pair.two.client(a_token(user="ann")) as client:
        assert (await client.delete("/v1/users/me")).status_code == 202
    assert await keys(redis, "entry") == []
    # Nor is an answer kept that was on its way.
    go_on.set()
    assert text_of(await late) == ANSWER
    assert await keys(redis, "entry") == []


async def test_a_delete_over_http_counts_at_once(pair: Pair) -> None:
    await ask(pair.one)
    summary = DocumentSummary(
        document_id="doc-1",
        name="policy-1.md",
        status="ready",
        ordinal=1,
        created_at="2026-01-01T00:00:00Z",
        updated_at="2026-01-01T00:00:00Z",
    )
    pair.two.requester.answers[DeleteDocumentV1] = DocumentStateV1(document=summary)
    async with pair.two.client() as client:
        assert (await client.delete("/v1/documents/doc-1")).status_code == 202
    await ask(pair.one)
    assert pair.model_calls == 2


async def test_a_turn_that_began_before_a_change_is_not_kept(pair: Pair) -> None:
    spoke, go_on = hangs(pair.one)
    asking = asyncio.create_task(ask(pair.one))
    await spoke.wait()
    await pair.hears(DocumentDeletedV1(document_id="doc-2", ordinal=1))
    # Nor is it followed by those who ask after the change.
    assert data(await ask(pair.two), "meta")["cached"] is False
    go_on.set()
    assert text_of(await asking) == ANSWER
    await ask(pair.two)
    assert pair.model_calls == 3


async def test_what_memory_alone_knows_is_not_shared(pair: Pair) -> None:
    known = ContextAnsweredV1(conversation_id="c", turns=(a_past_turn(1, "My centre is 4711"),))
    pair.one.requester.answers[ContextRequestedV1] = known
    await ask(pair.one)
    assert "4711" in str(pair.one.model.calls)
    again = await ask(pair.two, user="bob")
    assert data(again, "meta")["cached"] is False
    assert "4711" not in str(pair.two.model.calls)
    # Bob's answer holds nothing of his own: it may be given to Ann when the question is of neither.
    assert data(await ask(pair.one), "meta")["cached"] is True


async def test_whoever_asked_the_same_before_still_shares(pair: Pair) -> None:
    earlier = UserTurn(
        turn_id="t-old",
        conversation_id="c-old",
        question=QUESTION,
        answer="30 euros.",
        completed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    remembered = ContextAnsweredV1(conversation_id="c1", turns=(), recalled=(earlier,))
    pair.one.requester.answers[ContextRequestedV1] = remembered
    await ask(pair.one)
    assert "30 euros" not in str(pair.one.model.calls)
    assert data(await ask(pair.two, user="bob"), "meta")["cached"] is True


async def test_a_question_about_the_asker_looks_at_their_memory_first(pair: Pair) -> None:
    question = "What is my cost centre?"
    await ask(pair.two, question, user="bob")
    assert data(await ask(pair.two, question, user="cem"), "meta")["cached"] is True
    known = ContextAnsweredV1(conversation_id="c", turns=(a_past_turn(1, "My centre is 4711"),))
    pair.one.requester.answers[ContextRequestedV1] = known
    own = await ask(pair.one, question)
    assert data(own, "meta")["cached"] is False
    assert "4711" in str(pair.one.model.calls)


async def test_a_follow_up_is_shared_by_those_who_heard_the_same(pair: Pair) -> None:
    for gateway, user in ((pair.one, "ann"), (pair.two, "bob")):
        await ask(gateway, user=user, conversation_id="c1")
        await in_session(gateway, user)
        events = await ask(gateway, "And in Norway?", user=user, conversation_id="c1")
        assert data(events, "meta")["cached"] is (user == "bob")
    await ask(pair.two, "What may a taxi cost?", user="cem", conversation_id="c1")
    await in_session(pair.two, "cem")
    other = await ask(pair.two, "And in Norway?", user="cem", conversation_id="c1")
    assert data(other, "meta")["cached"] is False


@pytest.mark.parametrize("pieces", [("Nobody knows.",), ("40 euros [9].",)])
async def test_an_answer_that_names_no_source_is_not_kept(
    pair: Pair, pieces: tuple[str, ...]
) -> None:
    pair.one.model.pieces = pieces
    await ask(pair.one)
    assert data(await ask(pair.two), "meta")["cached"] is False


async def test_an_answer_that_was_cut_off_is_not_kept(pair: Pair) -> None:
    pair.one.model.stop_reason = "max_tokens"
    assert data(await ask(pair.one), "usage")["stop_reason"] == "max_tokens"
    assert data(await ask(pair.two), "meta")["cached"] is False


async def test_a_degraded_answer_is_not_kept(pair: Pair) -> None:
    legs = {"bm25": "applied", "dense": "failed"}
    pair.one.requester.answers[SearchRequestedV1] = an_answered_search(a_hit(1), legs=legs)
    assert data(await ask(pair.one), "meta")["degraded"] == ["dense"]
    assert data(await ask(pair.two), "meta")["cached"] is False


async def test_an_entry_lives_for_an_hour_at_most(pair: Pair, redis: Redis) -> None:
    await ask(pair.one)
    [entry] = await until(lambda: keys(redis, "entry"))
    assert 0 < await redis.pttl(entry) <= 3_600_000


async def test_an_evicted_generation_takes_every_answer_along(pair: Pair, redis: Redis) -> None:
    await ask(pair.one)
    await redis.delete("answers:{acme}:generation")
    await ask(pair.two)
    assert pair.model_calls == 2


async def test_a_hundred_askers_at_once_cost_one_call(pair: Pair) -> None:
    spoke, go_on = hangs(pair.one)
    for gateway in pair.both:
        gateway.model.pieces = ("The allowance ", "is 40 ", "euros [1].")
        gateway.model.hang = pair.one.model.hang
    async with pair.one.client() as one, pair.two.client() as two:
        asking = [
            client.post(
                "/v1/chat",
                json={"question": QUESTION, "conversation_id": f"c{n}"},
                headers={"Authorization": f"Bearer {a_token(user=f'user-{n}')}"},
            )
            for n in range(50)
            for client in (one, two)
        ]
        answering = asyncio.gather(*asking)
        await spoke.wait()
        go_on.set()
        answers = [events_in(response.text) for response in await answering]
    assert pair.model_calls == 1
    assert len(pair.searches) == 1
    assert {text_of(events) for events in answers} == {ANSWER}
    assert {events[-1][0] for events in answers} == {"done"}
    assert sum(data(events, "usage")["output_tokens"] for events in answers) == 20
    assert len(pair.turns) == 100
    assert len({turn.cached for turn in pair.turns}) == 2


async def test_a_leader_that_dies_is_replaced(pair: Pair, redis: Redis) -> None:
    """It took the lease and said nothing more: its sign of life runs out."""
    await ask(pair.one)
    generation = await AnswerStore(redis, redis, 1.5).generation("acme")
    [entry] = await keys(redis, "entry")
    await redis.delete(entry)
    lease = entry.replace(":entry:", ":lease:")
    await redis.set(lease, f"{generation} gone", px=1500)
    await redis.set("answers:{acme}:leader:gone", "1", px=1500)
    events = await ask(pair.two, user="bob")
    assert await keys(redis, "followed") == ["answers:{acme}:followed:gone"]
    assert text_of(events) == ANSWER
    assert data(events, "meta")["cached"] is False
    assert pair.model_calls == 2


async def test_a_leader_that_fails_is_replaced(pair: Pair) -> None:
    spoke, go_on = hangs(pair.one)
    pair.one.model.pieces = ("", Unavailable("bedrock"))
    leading = asyncio.create_task(ask(pair.one))
    await spoke.wait()
    following = asyncio.create_task(ask(pair.two, user="bob"))
    await until(lambda: len(pair.two.requester.of(AudienceRequestedV1)))
    go_on.set()
    assert (await leading)[-1][0] == "error"
    events = await following
    assert text_of(events) == ANSWER
    assert len(pair.two.model.calls) == 1


async def test_who_has_seen_a_part_gets_no_second_answer(pair: Pair, redis: Redis) -> None:
    spoke, go_on = hangs(pair.one)
    pair.one.model.pieces = ("The allowance ", Unavailable("bedrock"))
    leading = asyncio.create_task(ask(pair.one))
    await spoke.wait()
    following = asyncio.create_task(ask(pair.two, user="bob"))
    await until(lambda: keys(redis, "followed"))
    # It has read what there is: nothing is pending, and it waits for more.
    await until(lambda: _waits(redis))
    go_on.set()
    await leading
    events = await following
    assert [name for name, _ in events] == ["meta", "sources", "token", "error"]
    assert events[-1][1]["code"] == "interrupted"
    assert pair.two.model.calls == []
    [turn] = pair.two.publisher.of(TurnCompletedV2)
    assert (turn.outcome, turn.answer) == ("failed", "The allowance")


async def _waits(redis: Redis) -> bool:
    """Somebody waits for more of a stream that is not empty."""
    streams = await keys(redis, "stream")
    clients = await redis.client_list()
    return bool(streams) and any(
        client["cmd"] == "xread" and "b" in client["flags"] for client in clients
    )


async def test_a_leader_whose_client_goes_works_on_for_others(pair: Pair, redis: Redis) -> None:
    spoke, go_on = hangs(pair.one)
    gone = asyncio.Event()
    leaving = asyncio.create_task(pair.one.ask_and_leave(QUESTION, gone))
    await spoke.wait()
    following = asyncio.create_task(ask(pair.two, user="bob"))
    await until(lambda: keys(redis, "followed"))
    gone.set()
    await leaving
    # What the work may still cost stays held until it ends.
    assert len(pair.one.ledger.holds) == 1
    go_on.set()
    assert text_of(await following) == ANSWER
    assert pair.model_calls == 1
    await until(lambda: not (pair.one.ledger.holds or pair.two.ledger.holds))
    assert len(pair.one.ledger.counted) == 1
    assert not pair.two.ledger.counted
    await until(lambda: len(pair.turns) == 2)
    assert {turn.outcome for turn in pair.turns} == {"completed"}
    [used] = await pair.one.used(1)
    assert used.estimated is False


async def test_a_leader_whose_client_goes_stops_when_nobody_follows(pair: Pair) -> None:
    spoke, _ = hangs(pair.one)
    await pair.one.ask_and_leave(QUESTION, spoke)
    await until(lambda: pair.turns)
    assert pair.turns[0].outcome == "stopped"
    assert pair.one.model.closed == 1
    await ask(pair.two)
    assert pair.model_calls == 2


async def test_without_its_store_every_turn_computes_its_own(redis_url: str) -> None:
    async with open_gateway(answers=None, redis_cache_url="redis://127.0.0.1:1/0") as gateway:
        gateway.requester.answers[AudienceRequestedV1] = AudienceAnsweredV1(visible_to=())
        for _ in range(2):
            assert text_of(await ask(gateway)) == ANSWER
        assert len(gateway.model.calls) == 2


# -- the semantic tier

OTHERWISE = "How much may a hotel in Denmark cost?"
SWEDEN = "What may a hotel in Sweden cost?"


async def semantic(pair: Pair) -> None:
    for gateway in pair.both:
        gateway.ledger.kept["acme"] = (1, TenantSettings(cache=CacheTiers(semantic=True)))
        # Embeddings hardly tell countries apart, and some paraphrases hardly from other questions.
        gateway.model.vectors = {"Which hotel cost may there be in Denmark?": [0.6, 0.8]}


async def test_another_wording_gets_the_answer_for_an_embedding(pair: Pair) -> None:
    await semantic(pair)
    first = await ask(pair.one)
    again = await ask(pair.two, OTHERWISE, user="bob")
    assert (pair.model_calls, len(pair.searches)) == (1, 1)
    assert [name for name, _ in again] == [name for name, _ in first]
    assert data(again, "meta")["cached"] is True
    assert data(again, "citations") == data(first, "citations")
    assert text_of(again) == ANSWER
    used = data(again, "usage")
    assert (used["input_tokens"], used["output_tokens"]) == (5, 0)
    made, given = pair.turns
    assert given.cached == made.turn_id
    # Each question is embedded once: retrieval and memory got it.
    assert [one for gateway in pair.both for one in gateway.model.embedded] == [QUESTION, OTHERWISE]
    [searched] = pair.searches
    assert searched.embedding is not None
    assert searched.embedding.vector == [1.0, 0.0]
    [told] = pair.one.requester.of(ContextRequestedV1)
    assert told.embedding == searched.embedding


@pytest.mark.parametrize(
    ("question", "who"),
    [
        (SWEDEN, {}),
        ("What may a hotel in Denmark not cost?", {}),
        ("What may 2 hotels in Denmark cost?", {}),
        ("Which hotel cost may there be in Denmark?", {}),
        (OTHERWISE, {"tenant": "other"}),
        (OTHERWISE, {"groups": ("hr",)}),
    ],
)
async def test_another_question_or_view_is_computed(
    pair: Pair, question: str, who: dict[str, Any]
) -> None:
    await semantic(pair)
    pair.limited.add("group:hr")
    await ask(pair.one)
    events = await ask(pair.two, question, user="bob", **who)
    assert data(events, "meta")["cached"] is False
    assert pair.model_calls == 2


async def test_a_changed_document_ends_other_wordings_too(pair: Pair, redis: Redis) -> None:
    await semantic(pair)
    await ask(pair.one)
    assert len(await keys(redis, "wordings")) == 1
    await pair.hears(DocumentDeletedV1(document_id="doc-1", ordinal=1))
    assert await keys(redis, "wordings") == []
    assert data(await ask(pair.two, OTHERWISE), "meta")["cached"] is False


async def test_who_asks_in_the_other_words_at_the_same_time_gets_it_too(pair: Pair) -> None:
    await semantic(pair)
    await ask(pair.one)
    both = await asyncio.gather(*(ask(one, OTHERWISE, user="bob") for one in pair.both))
    assert [data(events, "meta")["cached"] for events in both] == [True, True]
    assert [text_of(events) for events in both] == [ANSWER, ANSWER]
    assert pair.model_calls == 1


async def test_without_the_tier_nothing_is_embedded(pair: Pair, redis: Redis) -> None:
    await ask(pair.one)
    assert data(await ask(pair.two, OTHERWISE), "meta")["cached"] is False
    assert pair.one.model.embedded == []
    assert await keys(redis, "wordings") == []


async def test_a_few_wordings_of_a_scope_are_kept(redis: Redis) -> None:
    store = AnswerStore(redis, redis, 10)
    generation = await store.generation("acme")
    worded = Worded("q", "m", "AACAPw==")
    kept = (Said(text="a"),)
    for n in range(80):
        place = Place("acme", generation, f"key{n}", "scope")
        await store.seek(place, f"t{n}")
        await store.land(place, f"t{n}", kept, kept, 60, worded)
    found = await store.alike(place)
    assert (len(found), found[0]) == (64, ("key79", "q"))
    assert await store.entry(place, "key79") == Kept(kept, "m", "AACAPw==")


async def test_an_answer_that_is_given_again_has_no_shadow(redis_url: str, redis: Redis) -> None:
    """Leaving the block waits for shadows. Nobody is given the shadow's answer."""
    async with open_gateway(answers=None, redis_cache_url=redis_url) as gateway:
        gateway.requester.answers[AudienceRequestedV1] = AudienceAnsweredV1(visible_to=())
        await put(gateway, model="second")
        gateway.model.by_model["second"] = ("Whispered [1].",)
        given = [text_of(await ask(gateway)) for _ in range(2)]
        turns = gateway.publisher.of(TurnCompletedV2)
    assert given == [ANSWER, ANSWER]
    assert [turn.cached for turn in turns] == [None, turns[0].turn_id]
    assert purposes(gateway) == ["answer", "shadow"]
