"""A turn is recorded however it ends, and as soon as the topic takes it."""

import asyncio
import logging
from typing import Any

import pytest

from contracts.gateway.turns import TurnCompletedV2
from contracts.retrieval.search import SearchRequestedV1
from shared.errors import Unavailable
from shared.testing.probe import until
from tests.unit.gateway.fakes import Gateway, events_in, open_gateway, text_of

QUESTION = "What is the warranty of the X200?"


async def recorded(gateway: Gateway, count: int = 1) -> list[TurnCompletedV2]:
    await until(lambda: len(gateway.publisher.on("turns")) >= count)
    turns: list[TurnCompletedV2] = gateway.publisher.on("turns")
    return turns


def session_of(gateway: Gateway) -> list[Any]:
    return gateway.sessions.turns.get(("acme", "ann", "c1"), [])


def hanging_after(gateway: Gateway, pieces: int) -> asyncio.Event:
    """Set when the model has said so many pieces; it says no more then."""
    spoke, forever = asyncio.Event(), asyncio.Event()
    said = 0

    async def hang() -> None:
        nonlocal said
        said += 1
        if said >= pieces:
            spoke.set()
            await forever.wait()

    gateway.model.hang = hang
    return spoke


async def test_a_turn_whose_client_goes_is_recorded_as_stopped(gateway: Gateway) -> None:
    gateway.model.pieces = ("Two years [1] ", "and more.", "never said")
    spoke = hanging_after(gateway, 2)
    async with asyncio.timeout(5):
        await gateway.ask_and_leave(QUESTION, spoke, conversation_id="c1")
        [turn] = await recorded(gateway)
    assert (turn.outcome, turn.question, turn.model) == ("stopped", QUESTION, "first")
    assert turn.answer == "Two years [1] and more."
    assert [source.cited for source in turn.sources] == [True, False]
    assert turn.output_tokens > 0
    await until(lambda: session_of(gateway))


async def test_the_next_follow_up_knows_a_stopped_turn(gateway: Gateway) -> None:
    gateway.model.pieces = ("Two years.", "never said")
    spoke = hanging_after(gateway, 1)
    await gateway.ask_and_leave(QUESTION, spoke, conversation_id="c1")
    gateway.model.hang = None
    await until(lambda: session_of(gateway))
    await gateway.ask("and for the second one?", conversation_id="c1")
    assert "warranty" in gateway.requester.of(SearchRequestedV1)[-1].query
    said = [message.text for message in gateway.model.calls[-1][2]]
    assert said[:2] == [QUESTION, "Two years."]


async def test_a_client_that_goes_while_it_is_searched_for_is_recorded_too(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, forever = asyncio.Event(), asyncio.Event()

    async def ask(*_: Any) -> Any:
        asked.set()
        await forever.wait()

    monkeypatch.setattr(gateway.requester, "ask", ask)
    await gateway.ask_and_leave(QUESTION, asked, conversation_id="c1")
    [turn] = await recorded(gateway)
    assert (turn.outcome, turn.answer, turn.sources, turn.model) == ("stopped", "", (), "none")


@pytest.mark.parametrize("error", [Unavailable("bedrock"), ValueError("secret")])
async def test_a_model_that_breaks_off_leaves_a_failed_turn(
    gateway: Gateway, error: Exception
) -> None:
    gateway.model.pieces = ("Two years ", error)
    events = await gateway.ask(QUESTION, conversation_id="c1")
    assert events[-1][0] == "error"
    [turn] = await recorded(gateway)
    assert (turn.outcome, turn.answer) == ("failed", text_of(events))
    [kept] = session_of(gateway)
    assert (kept.question, kept.answer) == (QUESTION, "Two years")


async def test_a_turn_that_no_model_answers_is_a_failed_one(gateway: Gateway) -> None:
    gateway.model.pieces = [Unavailable("bedrock")]
    await gateway.ask(QUESTION, conversation_id="c1")
    [turn] = await recorded(gateway)
    assert (turn.outcome, turn.answer) == ("failed", "")
    assert len(turn.sources) == 2


async def test_an_answer_that_is_not_confirmed_in_time_says_so_and_is_recorded_later() -> None:
    async with open_gateway(record_s=0.05) as gateway:
        gateway.publisher.down = {"turns"}
        events = await gateway.ask(QUESTION, conversation_id="c1")
        assert [name for name, _ in events[-3:]] == ["citations", "usage", "error"]
        assert events[-1][1]["code"] == "not_recorded"
        assert "recorded as soon as possible" in events[-1][1]["message"]
        assert gateway.publisher.faults.fired > 0
        # The conversation goes on meanwhile.
        [kept] = session_of(gateway)
        assert kept.answer == text_of(events)
        gateway.publisher.down = set()
        [turn] = await recorded(gateway)
        assert (turn.outcome, turn.answer) == ("completed", text_of(events))


async def test_a_confirmation_that_comes_late_but_in_time_is_done(gateway: Gateway) -> None:
    gateway.publisher.faults.left, gateway.publisher.struck = 1, TurnCompletedV2
    events = await gateway.ask(QUESTION)
    assert events[-1][0] == "done"
    assert gateway.publisher.faults.fired == 1


async def test_a_client_that_goes_while_it_is_recorded_leaves_one_completed_turn() -> None:
    async with open_gateway() as gateway:
        gateway.publisher.down = {"turns"}
        struck = asyncio.Event()

        async def watch() -> None:
            await until(lambda: gateway.publisher.faults.fired)
            struck.set()

        watching = asyncio.create_task(watch())
        sent = await gateway.ask_and_leave(QUESTION, struck)
        await watching
        gateway.publisher.down = set()
        [turn] = await recorded(gateway)
        assert turn.outcome == "completed"
        assert "done" not in dict(events_in(sent.decode()))
    assert len(gateway.publisher.on("turns")) == 1


async def test_a_stop_waits_for_the_turns_on_their_way() -> None:
    async with open_gateway(record_s=0.05, drain_s=30) as gateway:
        gateway.publisher.faults.left, gateway.publisher.struck = 1, TurnCompletedV2
        events = await gateway.ask(QUESTION)
        assert events[-1][1]["code"] == "not_recorded"
    assert gateway.publisher.faults.fired == 1
    assert [turn.question for turn in gateway.publisher.on("turns")] == [QUESTION]


async def test_what_a_stop_must_leave_is_named_without_its_text(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.bootstrap._CONFIRM_S", 0.05)
    with caplog.at_level(logging.ERROR):
        async with open_gateway(record_s=0.05, drain_s=0) as gateway:
            gateway.publisher.down = {"turns"}
            await gateway.ask(QUESTION)
            gateway.service.server.stop()
    [line] = [record for record in caplog.records if record.message == "turn_not_recorded"]
    assert line.__dict__["fields"]["tenant"] == "acme"
    assert "warranty" not in str(line.__dict__)
