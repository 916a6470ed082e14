"""POST /v1/turns/{id}/feedback: on the caller's own turns, published for the archive."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.gateway.turns import FeedbackGivenV1
from contracts.memory.queries import KeptTurn, TurnAnsweredV1, TurnRequestedV1
from shared.errors import DeadlineMissed, RequestRefused
from tests.unit.gateway.fakes import Gateway

AT = datetime(2026, 1, 1, tzinfo=UTC)
UNKNOWN = RequestRefused("not_found", "There is no such turn.")
BODY = {
    "rating": "down",
    "reasons": ["outdated"],
    "comment": "Last year's.",
    "corrected_answer": "195 euros.",
}


async def give(gateway: Gateway, turn_id: str, body: Any, **principal: Any) -> Any:
    async with gateway.client(**principal) as client:
        return await client.post(f"/v1/turns/{turn_id}/feedback", json=body)


def given(gateway: Gateway) -> list[FeedbackGivenV1]:
    return gateway.publisher.of(FeedbackGivenV1)


async def test_a_turn_of_a_moment_ago_is_known_without_memory(gateway: Gateway) -> None:
    gateway.requester.answers[TurnRequestedV1] = UNKNOWN
    events = dict(await gateway.ask("How much?", conversation_id="c1"))
    turn_id = events["done"]["turn_id"]
    response = await give(gateway, turn_id, BODY)
    assert (response.status_code, response.json()) == (
        202,
        {"turn_id": turn_id, "rating": "down"},
    )
    [feedback] = given(gateway)
    [turn] = [one for one in gateway.publisher.on("turns") if one is not feedback]
    assert feedback.conversation_id == "c1"
    assert feedback.asked_at == turn.started_at
    assert (feedback.rating, feedback.reasons) == ("down", ("outdated",))
    assert (feedback.comment, feedback.corrected_answer) == ("Last year's.", "195 euros.")
    sent = gateway.publisher.sent[-1]
    assert (sent.context.tenant, sent.context.principal) == ("acme", "ann")


async def test_an_older_turn_is_found_in_memory(gateway: Gateway) -> None:
    kept = KeptTurn(turn_id="t9", question="Q", answer="A", asked_at=AT, completed_at=AT)
    gateway.requester.answers[TurnRequestedV1] = TurnAnsweredV1(conversation_id="c9", turn=kept)
    assert (await give(gateway, "t9", {"rating": "up"})).status_code == 202
    [feedback] = given(gateway)
    assert (feedback.conversation_id, feedback.asked_at, feedback.rating) == ("c9", AT, "up")


@pytest.mark.parametrize("who", [{"user": "bob"}, {"tenant": "other"}])
async def test_anothers_turn_is_as_unknown_as_none(gateway: Gateway, who: dict[str, str]) -> None:
    gateway.requester.answers[TurnRequestedV1] = UNKNOWN
    events = dict(await gateway.ask("How much?"))
    anothers = await give(gateway, events["done"]["turn_id"], BODY, **who)
    unknown = await give(gateway, "no-such-turn", BODY, **who)
    assert (anothers.status_code, anothers.json()) == (404, unknown.json())
    assert given(gateway) == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rating": "sideways"},
        {"rating": "up", "reasons": [""]},
        {"rating": "up", "comment": "x" * 4_001},
        {"rating": "down", "corrected_answer": "x" * 20_001},
        {"rating": "up", "colour": "red"},
    ],
)
async def test_what_cannot_be_feedback_is_refused(gateway: Gateway, body: Any) -> None:
    response = await give(gateway, "t1", body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_while_memory_or_the_topic_is_away_the_client_is_told_to_try_again(
    gateway: Gateway,
) -> None:
    gateway.requester.answers[TurnRequestedV1] = DeadlineMissed("memory-queries", 500)
    assert (await give(gateway, "t1", BODY)).status_code == 503
    events = dict(await gateway.ask("How much?"))
    gateway.publisher.down = {"turns"}
    assert (await give(gateway, events["done"]["turn_id"], BODY)).status_code == 503
    assert given(gateway) == []
