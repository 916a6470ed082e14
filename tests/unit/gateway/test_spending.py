"""What a turn may cost is held before its first model call, and what it did cost is counted."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from contracts.envelope import Context
from contracts.platform.usage import BudgetReachedV1, ModelUsedV2, UserBudgetReachedV1
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.models.tenant import Limits, TenantSettings, UserLimits
from services.gateway.models.usage import UNREPORTED
from services.gateway.services.spending.sweeping import Sweeping
from shared.errors import Unavailable
from shared.testing.probe import until
from shared.testing.running import worker
from shared.tokens import estimated_tokens
from tests.unit.gateway.fakes import PRICE, Gateway, events_in, open_gateway

ASKED = {"question": "What is the allowance?"}
# By the tests' price: 8,000 tokens of prompt and 1,024 of answer, and a search.
MOST = PRICE * (8000 + 1024)


async def chat(gateway: Gateway, **body: Any) -> Any:
    async with gateway.client() as client:
        return await client.post("/v1/chat", json=ASKED | body)


async def settled(gateway: Gateway, count: int = 1) -> None:
    await until(lambda: len(gateway.ledger.settled) == count)


async def test_a_turn_is_held_settled_and_counted_once_under_its_events_id(
    gateway: Gateway,
) -> None:
    holding = asyncio.Event()
    go_on = asyncio.Event()

    async def pause() -> None:
        holding.set()
        await go_on.wait()

    gateway.model.hang = pause
    asking = asyncio.create_task(chat(gateway))
    await holding.wait()
    [hold] = gateway.ledger.holds.values()
    assert (hold.tenant, hold.user, hold.own.tokens) == ("acme", "ann", 8000 + 1024)
    assert hold.own.nano_usd == MOST * 10**9
    # The question is embedded twice: by retrieval and by memory.
    assert hold.rest.tokens == 2 * (estimated_tokens(ASKED["question"]) + 400)
    go_on.set()
    await asking
    await settled(gateway)
    assert gateway.ledger.holds == {}
    [used] = await gateway.used(1)
    [event_id] = gateway.publisher.ids(ModelUsedV2)
    [(_, call)] = gateway.ledger.counted.values()
    assert (call.event_id, call.spent.amount.tokens) == (event_id, 120)
    # The event itself changes nothing any more.
    count = gateway.service.handlers["gateway-events"][ModelUsedV2]
    await count(used, Context(tenant="acme", principal="ann", causation_id=event_id))
    assert len(gateway.ledger.counted) == 1


async def test_at_the_limit_it_is_402_before_anything_is_asked(gateway: Gateway) -> None:
    gateway.ledger.limit("acme", usd_day="0.009")
    answer = await chat(gateway)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (402, "budget_reached")
    assert (problem["limit"], problem["used"]) == (0.009, 0)
    assert problem["resets_at"].endswith("T00:00:00+00:00")
    assert gateway.model.calls == []
    assert gateway.requester.asked == []
    assert gateway.ledger.holds == {}


@pytest.mark.parametrize("limits", [{"usd_month": 0}, {"tokens_day": 0}, {"tokens_month": 10}])
async def test_a_budget_of_nothing_lets_nothing_through(
    gateway: Gateway, limits: dict[str, Any]
) -> None:
    gateway.ledger.limit("acme", **limits)
    assert (await chat(gateway)).status_code == 402
    async with gateway.client() as client:
        searched = await client.post("/v1/search", json={"query": "allowance"})
    assert searched.json()["code"] == "budget_reached"
    assert gateway.requester.asked == []


async def test_a_cheaper_model_answers_if_it_fits() -> None:
    def price(model: str, input_tokens: int, output_tokens: int) -> Decimal:
        rate = PRICE / 10 if model == "cheap" else PRICE
        return rate * (input_tokens + output_tokens)

    async with open_gateway(price=price) as gateway:
        limits = Limits(usd_day=Decimal("0.003"))
        settings = TenantSettings(limits=limits, cheaper_model="cheap")
        gateway.ledger.kept["acme"] = (1, settings)
        answer = await chat(gateway)
        assert answer.status_code == 200
        assert [model for model, *_ in gateway.model.calls] == ["cheap"]
        await settled(gateway)
        gateway.ledger.limit("acme", usd_day="0.0001")
        gateway.ledger.kept["other"] = (
            1,
            settings.model_copy(update={"limits": Limits(usd_day=Decimal("0.0001"))}),
        )
        async with gateway.client(tenant="other") as client:
            assert (await client.post("/v1/chat", json=ASKED)).status_code == 402


async def test_a_tenants_models_are_its_own(gateway: Gateway) -> None:
    gateway.ledger.kept["acme"] = (1, TenantSettings(models=("second",)))
    await chat(gateway)
    assert [model for model, *_ in gateway.model.calls] == ["second"]
    refused = await chat(gateway, model="first")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "model")


@pytest.mark.parametrize("state", ["missing", "down"])
async def test_without_a_ledger_nothing_is_spent(gateway: Gateway, state: str) -> None:
    gateway.ledger.missing = {"acme"} if state == "missing" else set()
    gateway.ledger.down = state == "down"
    code = "ledger_missing" if state == "missing" else "unavailable"
    for path, body in (("/v1/chat", ASKED), ("/v1/search", {"query": "allowance"})):
        async with gateway.client() as client:
            answer = await client.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, code)
    assert gateway.model.calls == []
    assert gateway.requester.asked == []
    # Events wait on their queue until the ledger is there again.
    count = gateway.service.handlers["gateway-events"][ModelUsedV2]
    used = ModelUsedV2(
        service="ingestion",
        purpose="embed_passages",
        model="m",
        calls=1,
        input_tokens=1,
        output_tokens=0,
        cost_usd=Decimal(0),
    )
    with pytest.raises(Unavailable):
        await count(used, Context(tenant="acme", causation_id="e1"))
    # Documents can be read all the same.
    async with gateway.client() as client:
        assert (await client.get("/healthz")).status_code == 200


async def test_a_ledger_that_goes_in_mid_stream_costs_no_token(gateway: Gateway) -> None:
    async def go() -> None:
        gateway.ledger.down = True

    gateway.model.hang = go
    events = events_in((await chat(gateway)).text)
    assert events[-1][0] == "done"
    assert gateway.ledger.counted == {}
    gateway.ledger.down = False
    await settled(gateway)
    assert len(gateway.ledger.counted) == 1


async def test_a_client_that_goes_pays_for_what_was_consumed(gateway: Gateway) -> None:
    speaking = asyncio.Event()

    async def pause() -> None:
        speaking.set()
        await asyncio.Event().wait()

    gateway.model.hang = pause
    await gateway.ask_and_leave("What is the allowance?", speaking)
    await settled(gateway)
    [(_, call)] = gateway.ledger.counted.values()
    assert call.spent.input_tokens > 0
    assert gateway.ledger.holds == {}


async def test_a_search_is_held_and_told_under_its_holds_id(gateway: Gateway) -> None:
    async with gateway.client() as client:
        assert (await client.post("/v1/search", json={"query": "allowance"})).status_code == 200
    [request] = gateway.requester.of(SearchRequestedV1)
    await settled(gateway)
    assert gateway.ledger.settled == [request.turn_id]
    # Without an answer nobody knows what it consumed: the hold ends by itself.
    del gateway.requester.answers[SearchRequestedV1]
    async with gateway.client() as client:
        assert (await client.post("/v1/search", json={"query": "allowance"})).status_code == 503
    assert len(gateway.ledger.holds) == 1


# -- alerts


async def test_each_threshold_is_told_once_a_period(gateway: Gateway) -> None:
    # A turn costs 120 tokens.
    gateway.ledger.limit("acme", tokens_month=240 * 100, usd_day="0.0002")
    gateway.ledger.kept["acme"] = (1, TenantSettings(limits=Limits(tokens_month=10_000)))
    for n in range(1, 86):
        await count_tokens(gateway, f"e{n}", 120)
    told = gateway.publisher.of(BudgetReachedV1)
    assert [(one.threshold, int(one.used)) for one in told] == [
        (50, 5040),
        (80, 8040),
        (100, 10_080),
    ]
    assert {(one.measure, int(one.limit)) for one in told} == {("tokens", 10_000)}
    assert len(set(gateway.publisher.ids(BudgetReachedV1))) == 3


async def count_tokens(
    gateway: Gateway, event_id: str, tokens: int, user: str | None = None
) -> None:
    used = ModelUsedV2(
        service="ingestion",
        purpose="embed_passages",
        model="m",
        calls=1,
        input_tokens=tokens,
        output_tokens=0,
        cost_usd=Decimal(0),
    )
    count = gateway.service.handlers["gateway-events"][ModelUsedV2]
    await count(used, Context(tenant="acme", principal=user, causation_id=event_id))


async def test_a_limit_that_refuses_is_told_too_and_a_raised_one_anew(gateway: Gateway) -> None:
    gateway.ledger.limit("acme", tokens_day=0)
    await chat(gateway)
    await until(lambda: len(gateway.publisher.of(BudgetReachedV1)) == 3)
    gateway.ledger.limit("other", tokens_day=0)
    async with gateway.client(tenant="other") as client:
        await client.post("/v1/chat", json=ASKED)
    await until(lambda: len(gateway.publisher.of(BudgetReachedV1)) == 6)


async def test_a_users_own_limit_is_told_with_the_user(gateway: Gateway) -> None:
    """Issue 12, 4: of the same users who spend, each threshold once; others hear of their own."""
    limited = TenantSettings(user_limits=UserLimits(tokens_day=1_000))
    gateway.ledger.kept["acme"] = (1, limited)
    for n, (user, tokens) in enumerate((("ann", 500), ("bob", 400), ("ann", 400), ("ann", 10))):
        await count_tokens(gateway, f"e{n}", tokens, user)
    await count_tokens(gateway, "nobody", 5_000, None)
    told = gateway.publisher.of(UserBudgetReachedV1)
    assert [(one.user, one.threshold, int(one.used)) for one in told] == [
        ("ann", 50, 500),
        ("ann", 80, 900),
    ]
    assert gateway.publisher.of(BudgetReachedV1) == []
    assert not [what for _, what in gateway.ledger.alerts if "ann" in what]


# -- gateways that die


async def test_a_dead_gateways_hold_is_charged_and_told_once(gateway: Gateway) -> None:
    sweeping = worker(gateway.service, Sweeping)
    gateway.model.hang = asyncio.Event().wait
    asking = asyncio.create_task(chat(gateway))
    await until(lambda: gateway.model.calls)
    [hold] = gateway.ledger.holds.values()
    await sweeping.renew()
    assert gateway.ledger.renewed == [hold.id]
    gateway.ledger.lapsed.add(hold.id)
    await sweeping.sweep()
    await sweeping.sweep()
    await until(lambda: gateway.publisher.of(ModelUsedV2))
    [told] = gateway.publisher.of(ModelUsedV2)
    assert (told.purpose, told.estimated, told.turn_id) == (UNREPORTED, True, hold.id)
    assert (told.input_tokens, told.cost_usd) == (8000 + 1024, MOST)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
