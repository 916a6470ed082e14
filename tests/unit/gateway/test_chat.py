"""POST /v1/chat: one turn over fakes, event by event."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from contracts.gateway.turns import TurnCompletedV2
from contracts.memory.queries import ContextAnsweredV1, ContextRequestedV1
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.models.prompt import BUILT_IN
from services.gateway.services.turn.answering import NOTHING_FOUND, SEARCH_MISSING
from services.gateway.services.turn.citations import EMPTY_ANSWER
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.testing.probe import until
from tests.unit.gateway.fakes import (
    Gateway,
    a_hit,
    a_past_turn,
    an_answered_search,
    events_in,
    open_gateway,
    text_of,
)


def data_of(events: list[tuple[str, Any]], name: str) -> Any:
    return next(data for event, data in events if event == name)


async def test_a_turn_streams_its_events_in_order(gateway: Gateway) -> None:
    gateway.model.pieces = ("The allowance ", "is 40 euros [", "1", "] or so [9].")
    events = await gateway.ask("How much is the allowance?")
    names = [event for event, _ in events]
    assert names[:2] == ["meta", "sources"]
    assert set(names[2:-3]) == {"token"}
    assert names[-3:] == ["citations", "usage", "done"]
    assert text_of(events) == "The allowance is 40 euros [1] or so."
    assert [source["n"] for source in data_of(events, "sources")] == [1, 2]
    assert all("highlights" in source["explain"] for source in data_of(events, "sources"))
    assert [c["document_id"] for c in data_of(events, "citations")] == ["doc-1"]
    assert data_of(events, "done")["turn_id"] == data_of(events, "meta")["turn_id"]
    assert data_of(events, "meta")["degraded"] == []


async def test_neighbouring_pieces_go_out_as_one_event(gateway: Gateway) -> None:
    gateway.model.pieces = ("Forty ", "euros ", "a day.")
    events = await gateway.ask("How much is the allowance?")
    assert [data["text"] for event, data in events if event == "token"] == ["Forty euros a day."]


@pytest.mark.parametrize(
    "separator", ["\u2028", "\u2029", "\x85", "\v", "\f", "\x1c", "\r", "\n\n"]
)
async def test_a_line_separator_in_an_answer_breaks_no_event(
    gateway: Gateway, separator: str
) -> None:
    gateway.model.pieces = (f"Forty{separator}", f"euros{separator}a day [1].")
    async with gateway.client() as client:
        text = (await client.post("/v1/chat", json={"question": "How much?"})).text
    # As a reader that ends a line wherever Unicode does.
    assert not set(text) & set("\u2028\u2029\x85\v\f\x1c")
    events = events_in(text)
    assert text_of(events) == f"Forty{separator}euros{separator}a day [1]."
    assert events[-1][0] == "done"


async def test_the_usage_is_the_turns_sum_and_each_call_is_metered_once(gateway: Gateway) -> None:
    events = await gateway.ask("How much is the allowance?")
    usage = data_of(events, "usage")
    assert usage == {
        "input_tokens": 107,
        "output_tokens": 20,
        "cost_usd": 0.50012,
        "model": "first",
        "stop_reason": None,
    }
    [used] = await gateway.used(1)
    assert (used.purpose, used.input_tokens, used.estimated) == ("answer", 100, False)
    assert used.turn_id == data_of(events, "done")["turn_id"]


async def test_an_answer_ends_before_its_usage_is_confirmed_which_comes_later(
    gateway: Gateway,
) -> None:
    gateway.publisher.down = {"usage"}
    events = await gateway.ask("How much is the allowance?")
    assert events[-1][0] == "done"
    await until(lambda: gateway.publisher.faults.fired)
    assert gateway.publisher.on("usage") == []
    gateway.publisher.down = set()
    [used] = await gateway.used(1)
    assert used.turn_id == events[-1][1]["turn_id"]


async def test_a_finished_turn_is_recorded_before_done(gateway: Gateway) -> None:
    events = await gateway.ask("How much is the allowance?", conversation_id="c1")
    [turn] = gateway.publisher.on("turns")
    assert isinstance(turn, TurnCompletedV2)
    assert turn.answer == text_of(events)
    assert [source.cited for source in turn.sources] == [True, False]
    assert turn.cost_usd == Decimal("0.50012")
    assert (turn.model, turn.conversation_id) == ("first", "c1")
    [kept] = gateway.sessions.turns["acme", "ann", "c1"]
    assert kept.query == "How much is the allowance?"


async def test_a_follow_up_searches_with_the_subject_and_remembers_the_turn(
    gateway: Gateway,
) -> None:
    await gateway.ask("What is the warranty of the X200?", conversation_id="c1")
    events = await gateway.ask("and for the second one?", conversation_id="c1")
    query = gateway.requester.of(SearchRequestedV1)[-1].query
    assert "warranty" in query
    assert data_of(events, "meta")["query"] == query
    messages = gateway.model.calls[-1][2]
    assert [m.text for m in messages[:2]] == [
        "What is the warranty of the X200?",
        "The allowance is 40 euros.",
    ]


async def test_an_expired_session_is_replaced_by_memory(gateway: Gateway) -> None:
    remembered = ContextAnsweredV1(
        conversation_id="c1", turns=(a_past_turn(1, "What is the warranty of the X200?"),)
    )
    gateway.requester.answers[ContextRequestedV1] = remembered
    await gateway.ask("and for the second one?", conversation_id="c1")
    assert "warranty" in gateway.requester.of(SearchRequestedV1)[-1].query


async def test_memory_and_session_together_hold_each_turn_once(gateway: Gateway) -> None:
    await gateway.ask("First question of mine?", conversation_id="c1")
    [kept] = gateway.sessions.turns["acme", "ann", "c1"]
    same = a_past_turn(9).model_copy(update={"turn_id": kept.turn_id})
    gateway.requester.answers[ContextRequestedV1] = ContextAnsweredV1(
        conversation_id="c1", turns=(a_past_turn(1, "Older?"), same)
    )
    await gateway.ask("Another question of mine?", conversation_id="c1")
    asked = [m.text for m in gateway.model.calls[-1][2] if m.role == "user"]
    assert asked[:2] == ["Older?", "First question of mine?"]
    assert len(asked) == 3


async def test_conversations_belong_to_their_user(gateway: Gateway) -> None:
    await gateway.ask("What is the warranty of the X200?", conversation_id="c1")
    async with gateway.client(user="bob") as client:
        await client.post("/v1/chat", json={"question": "and then?", "conversation_id": "c1"})
    assert gateway.requester.of(SearchRequestedV1)[-1].query == "and then?"
    assert gateway.requester.of(SearchRequestedV1)[-1].visible_to == ("user:bob",)


async def test_memory_missing_is_said_and_the_answer_comes(gateway: Gateway) -> None:
    gateway.requester.answers[ContextRequestedV1] = DeadlineMissed("memory-queries", 1)
    events = await gateway.ask("How much is the allowance?")
    assert data_of(events, "meta")["degraded"] == ["memory"]
    assert events[-1][0] == "done"


@pytest.mark.parametrize(
    "trouble",
    [
        DeadlineMissed("retrieval-queries", 1),
        Unavailable("sqs"),
        RequestRefused("internal", "no"),
    ],
)
async def test_retrieval_missing_is_said_in_words_too(gateway: Gateway, trouble: Exception) -> None:
    gateway.requester.answers[SearchRequestedV1] = trouble
    events = await gateway.ask("How much is the allowance?")
    assert data_of(events, "meta")["degraded"] == ["retrieval"]
    assert text_of(events) == SEARCH_MISSING
    assert gateway.model.calls == []
    assert events[-1][0] == "done"


async def test_retrieval_missing_leaves_the_conversation_to_answer_from(gateway: Gateway) -> None:
    await gateway.ask("What is the warranty of the X200?", conversation_id="c1")
    gateway.requester.answers[SearchRequestedV1] = Unavailable("sqs")
    gateway.model.pieces = ("As said, two years [1].",)
    events = await gateway.ask("Say it again", conversation_id="c1")
    assert text_of(events) == f"{SEARCH_MISSING}\n\nAs said, two years."


async def test_a_leg_that_failed_inside_retrieval_is_said(gateway: Gateway) -> None:
    gateway.requester.answers[SearchRequestedV1] = an_answered_search(
        a_hit(1), legs={"bm25": "applied", "dense": "failed"}
    )
    events = await gateway.ask("How much is the allowance?")
    assert data_of(events, "meta")["degraded"] == ["dense"]


async def test_redis_away_costs_the_session_only(gateway: Gateway) -> None:
    gateway.sessions.down = True
    events = await gateway.ask("How much is the allowance?")
    assert data_of(events, "meta")["degraded"] == ["session"]
    assert events[-1][0] == "done"


@pytest.mark.parametrize("legs", [{"bm25": "failed", "dense": "failed", "graph": "skipped"}])
async def test_a_search_whose_legs_all_failed_found_nothing_out(
    gateway: Gateway, legs: dict[str, str]
) -> None:
    gateway.requester.answers[SearchRequestedV1] = an_answered_search(legs=legs)
    events = await gateway.ask("How much is the allowance?")
    assert text_of(events) == SEARCH_MISSING
    assert data_of(events, "meta")["degraded"] == ["retrieval", "bm25", "dense"]
    [turn] = gateway.publisher.on("turns")
    assert turn.degraded == ("retrieval", "bm25", "dense")


async def test_one_leg_that_looked_and_found_nothing_is_enough(gateway: Gateway) -> None:
    legs = {"bm25": "applied", "dense": "failed"}
    gateway.requester.answers[SearchRequestedV1] = an_answered_search(legs=legs)
    assert text_of(await gateway.ask("How much is the allowance?")) == NOTHING_FOUND


async def test_nothing_found_is_said_without_a_model(gateway: Gateway) -> None:
    gateway.requester.answers[SearchRequestedV1] = an_answered_search()
    events = await gateway.ask("How much is the allowance?")
    assert text_of(events) == NOTHING_FOUND
    assert gateway.model.calls == []
    assert gateway.publisher.on("turns")[0].model == "none"


async def test_the_second_model_answers_when_the_first_does_not_speak(gateway: Gateway) -> None:
    gateway.model.by_model = {"first": [Unavailable("bedrock")]}
    events = await gateway.ask("How much is the allowance?")
    assert [call[0] for call in gateway.model.calls] == ["first", "second"]
    assert events[-1][0] == "done"
    assert [used.model for used in await gateway.used(1)] == ["second"]


async def test_a_model_that_hangs_is_left_for_the_next() -> None:
    async with open_gateway(first_token_s=0.05) as gateway:
        silence = asyncio.Event()
        gateway.model.by_model = {"first": [""], "second": ["Forty."]}

        async def hang() -> None:
            if len(gateway.model.calls) == 1:
                await silence.wait()

        gateway.model.hang = hang
        events = await gateway.ask("How much is the allowance?")
        assert text_of(events) == "Forty."


async def test_no_model_at_all_is_an_error_event(gateway: Gateway) -> None:
    gateway.model.pieces = [Unavailable("bedrock")]
    events = await gateway.ask("How much is the allowance?")
    assert events[-1] == (
        "error",
        {
            "code": "unavailable",
            "message": "The language model does not answer now. Ask again in a moment.",
        },
    )


async def test_a_model_that_only_thinks_gave_no_answer(gateway: Gateway) -> None:
    gateway.model.pieces = ("<think>Is it 40 ", "euros [1]?</think>", "\n")
    events = await gateway.ask("How much is the allowance?")
    assert text_of(events) == EMPTY_ANSWER
    assert data_of(events, "citations") == []
    assert gateway.publisher.on("turns")[0].answer == EMPTY_ANSWER


async def test_a_stream_that_breaks_ends_in_an_error_and_is_metered(gateway: Gateway) -> None:
    gateway.model.pieces = ("Forty ", ValueError("secret internals"))
    events = await gateway.ask("How much is the allowance?")
    assert events[-1][0] == "error"
    assert events[-1][1]["code"] == "internal"
    assert "secret" not in str(events)
    [used] = await gateway.used(1)
    assert used.estimated
    assert used.input_tokens > 50
    assert used.cost_usd > 0


async def test_a_client_that_goes_stops_the_model_and_the_bill_still_comes(
    gateway: Gateway,
) -> None:
    spoke, forever = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        spoke.set()
        await forever.wait()

    gateway.model.hang = hang
    async with asyncio.timeout(5):
        await gateway.ask_and_leave("How much is the allowance?", spoke)
        [used] = await gateway.used(1)
    assert gateway.model.closed == 1
    assert used.estimated
    assert used.output_tokens > 0


async def test_a_condensing_model_writes_the_query_and_is_metered() -> None:
    async with open_gateway(condense_model="small") as gateway:
        await gateway.ask("What is the warranty of the X200?", conversation_id="c1")
        gateway.model.by_model = {"small": ['"warranty of ', 'the X300"\n']}
        events = await gateway.ask("and the other?", conversation_id="c1")
        assert data_of(events, "meta")["query"] == "warranty of the X300"
        assert data_of(events, "usage")["input_tokens"] == 207
        used = await gateway.used(3)
        assert [one.purpose for one in used] == ["answer", "condense", "answer"]


async def test_a_condensing_model_that_fails_leaves_it_to_the_rules() -> None:
    async with open_gateway(condense_model="small") as gateway:
        await gateway.ask("What is the warranty of the X200?", conversation_id="c1")
        gateway.model.by_model = {"small": [Unavailable("bedrock")]}
        await gateway.ask("and the other?", conversation_id="c1")
        assert "warranty" in gateway.requester.of(SearchRequestedV1)[-1].query


async def test_the_only_model_is_told_at_once_and_no_price_is_no_cost() -> None:
    async with open_gateway(answer_models=("only",), price=lambda *_: Decimal(0)) as gateway:
        gateway.requester.answers[SearchRequestedV1] = an_answered_search(a_hit(1), cost_usd="0")
        gateway.model.cost_usd = Decimal(0)
        events = await gateway.ask("How much is the allowance?")
        assert data_of(events, "meta")["model"] == "only"
        assert data_of(events, "usage")["model"] == "only"
        assert data_of(events, "usage")["cost_usd"] is None


async def test_which_of_several_models_answered_is_told_with_the_usage(gateway: Gateway) -> None:
    gateway.model.by_model = {"first": [Unavailable("bedrock")]}
    events = await gateway.ask("How much is the allowance?")
    assert data_of(events, "meta")["model"] is None
    assert data_of(events, "usage")["model"] == "second"


async def test_a_wanted_model_is_tried_first(gateway: Gateway) -> None:
    await gateway.ask("How much is the allowance?", model="second")
    assert gateway.model.calls[0][0] == "second"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"question": ""}, "question"),
        ({"question": " \n "}, "question"),
        ({"question": "x" * 4001}, "question"),
        ({}, "question"),
        ({"question": "q", "conversation_id": "a:b"}, "conversation_id"),
        ({"question": "q", "model": "unknown"}, "model"),
        ({"question": "q", "modell": "first"}, "modell"),
        ({"question": 7}, "question"),
    ],
)
async def test_a_bad_question_is_refused_by_field(
    gateway: Gateway, body: dict[str, Any], field: str
) -> None:
    async with gateway.client() as client:
        response = await client.post("/v1/chat", json=body)
    assert response.status_code == 422
    problem = response.json()
    assert problem["code"] == "invalid_request"
    assert problem["errors"][0]["field"] == field


async def test_the_stream_is_not_to_be_buffered(gateway: Gateway) -> None:
    async with gateway.client() as client:
        response = await client.post("/v1/chat", json={"question": "How much?"})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert "content-length" not in response.headers
    assert events_in(response.text)[-1][0] == "done"


async def test_a_silent_stream_is_kept_alive(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.http.sse.KEEP_ALIVE_S", 0.01)
    gateway.model.hang = lambda: asyncio.sleep(0.1)
    async with gateway.client() as client:
        response = await client.post("/v1/chat", json={"question": "How much?"})
    assert ": keep-alive\n\n" in response.text
    assert events_in(response.text)[-1][0] == "done"


@pytest.mark.parametrize("reason", ["max_tokens", "guardrail_intervened", "content_filtered"])
async def test_an_answer_that_is_not_whole_says_why(gateway: Gateway, reason: str) -> None:
    gateway.model.stop_reason = reason
    events = await gateway.ask("How much is the allowance?")
    assert data_of(events, "usage")["stop_reason"] == reason
    [turn] = gateway.publisher.of(TurnCompletedV2)
    assert (turn.outcome, turn.stop_reason) == ("completed", reason)


async def test_a_call_says_whom_and_what_it_is_for(gateway: Gateway) -> None:
    await gateway.ask("How much is the allowance?")
    assert gateway.model.about == [
        {"tenant": "acme", "purpose": "answer", "prompt_version": BUILT_IN.version}
    ]
