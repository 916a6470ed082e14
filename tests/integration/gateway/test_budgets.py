"""Budgets and rates of two gateways on one Redis: what is promised holds under load."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from contracts.envelope import Context
from contracts.finetune_export.trainings import (
    HOLD_PREFIX,
    EstimateTrainingV1,
    GetTrainingV1,
    TrainingAnsweredV1,
    TrainingEstimate,
    TrainingRequestedV1,
    TrainingShape,
)
from contracts.platform.usage import BudgetReachedV1, ModelUsedV2
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.models.tenant import Limits, TenantSettings
from services.gateway.models.usage import NANO, UNREPORTED, day_of
from services.gateway.services.spending.sweeping import Sweeping
from services.gateway.store.ledger_store import LedgerStore
from services.gateway.store.rate_store import RateStore
from shared.testing.probe import until
from shared.testing.running import worker
from tests.unit.gateway.fakes import PRICE, Gateway, open_gateway

ASKED = {"question": "What is the allowance?"}
# Prompt, answer, a search's words and its reranker, by the tests' prices: what a turn may cost.
PROMPT, ANSWER = 1000, 20
MOST = PRICE * (PROMPT + ANSWER)
SETTINGS: dict[str, Any] = {"prompt_tokens": PROMPT, "answer_tokens": ANSWER, "rerank_model": None}


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """Patient, so that a busy machine is no outage."""
    async with Redis.from_url(redis_url) as client:
        await client.flushall()
        yield client


@pytest_asyncio.fixture
async def two(redis: Redis) -> AsyncIterator[list[Gateway]]:
    await LedgerStore(redis, 60).begin("now")
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_gateway(ledger=LedgerStore(redis, 60), **SETTINGS))
            for _ in range(2)
        ]


async def test_fifty_turns_at_once_on_a_budget_for_ten_never_pass_it(
    two: list[Gateway], redis: Redis
) -> None:
    ledger, today = LedgerStore(redis, 60), day_of(datetime.now(UTC))
    budget = MOST * 10
    for gateway in two:
        # The dearest turn there is.
        gateway.model.cost_usd = MOST
    await ledger.put_settings("acme", TenantSettings(limits=Limits(usd_month=budget)))
    async with two[0].client() as one, two[1].client() as other:
        asking = [(one, other)[n % 2].post("/v1/chat", json=ASKED) for n in range(50)]
        answers = await asyncio.gather(*asking)
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 402}
    answered = statuses.count(200)
    reports = sum(len(gateway.model.calls) for gateway in two)
    assert answered == reports <= 10
    await until(lambda: _spent(ledger, answered * MOST))
    totals = await ledger.totals("acme", today)
    assert totals.of_month.tokens == 120 * reports
    assert totals.of_month.nano_usd <= budget * NANO
    # The events of both change nothing.
    for gateway in two:
        count = gateway.service.handlers["gateway-events"][ModelUsedV2]
        sent = [one for one in gateway.publisher.sent if isinstance(one.message, ModelUsedV2)]
        for event in sent * 2:
            context = event.context.model_copy(update={"causation_id": event.id})
            await count(event.message, context)
    assert await ledger.totals("acme", today) == totals


async def _spent(ledger: LedgerStore, usd: Decimal) -> bool:
    totals = await ledger.totals("acme", day_of(datetime.now(UTC)))
    return totals.of_month.nano_usd == usd * NANO


async def test_two_gateways_tell_of_a_threshold_once(two: list[Gateway], redis: Redis) -> None:
    await LedgerStore(redis, 60).put_settings(
        "acme", TenantSettings(limits=Limits(tokens_month=1000))
    )

    async def count(n: int) -> None:
        used = ModelUsedV2(
            service="ingestion",
            purpose="embed_passages",
            model="m",
            calls=1,
            input_tokens=60,
            output_tokens=0,
            cost_usd=Decimal(0),
        )
        handler = two[n % 2].service.handlers["gateway-events"][ModelUsedV2]
        await handler(used, Context(tenant="acme", causation_id=f"e{n}"))

    await asyncio.gather(*(count(n) for n in range(20)))
    told = [one for gateway in two for one in gateway.publisher.of(BudgetReachedV1)]
    assert sorted(one.threshold for one in told) == [50, 80, 100]


async def test_a_gateway_that_dies_in_mid_stream_is_charged_by_the_other(
    two: list[Gateway], redis: Redis
) -> None:
    dying, living = two
    dying.model.hang = asyncio.Event().wait
    async with dying.client() as client:
        asking = asyncio.create_task(client.post("/v1/chat", json=ASKED))
        await until(lambda: dying.model.calls)
        # It renews nothing from now on, and its lease is over.
        ledger = LedgerStore(redis, -1)
        [turn_id] = [one.turn_id for one in dying.requester.of(SearchRequestedV1)]
        await ledger.renew("acme", [str(turn_id)])
        sweeping = worker(living.service, Sweeping)
        await sweeping.sweep()
        await until(lambda: living.publisher.of(ModelUsedV2))
        [told] = living.publisher.of(ModelUsedV2)
        assert (told.purpose, told.turn_id, told.cost_usd) == (UNREPORTED, turn_id, MOST)
        assert await _spent(LedgerStore(redis, 60), MOST)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


def a_training(training_id: str, **fields: Any) -> TrainingShape:
    known: dict[str, Any] = {
        "training_id": training_id,
        "export_id": "ab12",
        "base_model": "m",
        "status": "waiting",
        "estimate": TrainingEstimate(tokens=9, epochs=1, cost_usd=Decimal(3)),
        "accepted_at": datetime.now(UTC),
    }
    return TrainingShape(**known | fields)


async def train(gateway: Gateway, training: TrainingShape) -> int:
    answer = TrainingAnsweredV1(training=training)
    answers: dict[Any, Any] = {EstimateTrainingV1: answer, TrainingRequestedV1: answer}
    gateway.requester.answers |= answers
    async with gateway.client(scopes=frozenset({"admin"})) as client:
        body = {"export_id": "ab12", "base_model": "m"}
        return (await client.post("/v1/trainings", json=body)).status_code


async def _held(redis: Redis) -> int:
    return int(await redis.hget("ledger:{acme}:holds", "nano") or 0) // int(NANO)


async def test_of_two_trainings_at_once_on_a_budget_for_one_the_other_is_refused(
    two: list[Gateway], redis: Redis
) -> None:
    ledger = LedgerStore(redis, 60)
    await ledger.put_settings("acme", TenantSettings(limits=Limits(usd_month=Decimal(5))))
    trainings = [a_training("a0"), a_training("b1")]
    statuses = await asyncio.gather(*map(train, two, trainings))
    assert sorted(statuses) == [202, 402]
    asked = [len(gateway.requester.of(TrainingRequestedV1)) for gateway in two]
    assert asked == [1 if status == 202 else 0 for status in statuses]
    assert await _held(redis) == 3
    begun, refused = sorted(range(2), key=lambda n: statuses[n])
    gateway, training = two[refused], trainings[begun]

    async def swept(now: TrainingShape) -> None:
        # Nobody has renewed it for longer than a lease; its own gateway may be gone.
        hold_id = f"{HOLD_PREFIX}{training.training_id}"
        await LedgerStore(redis, -1).renew("acme", [hold_id])
        gateway.requester.answers[GetTrainingV1] = TrainingAnsweredV1(training=now)
        await worker(gateway.service, Sweeping).sweep()

    await swept(training)
    assert (await _held(redis), await train(gateway, trainings[refused])) == (3, 402)
    used = ModelUsedV2(
        service="finetune_export",
        purpose="training",
        model="m",
        calls=1,
        input_tokens=6,
        output_tokens=0,
        cost_usd=Decimal(2),
        turn_id=f"{HOLD_PREFIX}{training.training_id}",
    )
    for one in (*two, *two):
        count = one.service.handlers["gateway-events"][ModelUsedV2]
        await count(used, Context(tenant="acme", causation_id="e1"))
    assert (await _spent(ledger, Decimal(2)), await _held(redis)) == (True, 1)
    await swept(a_training(training.training_id, ended_at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert (await _spent(ledger, Decimal(2)), await _held(redis)) == (True, 0)
    assert gateway.publisher.of(ModelUsedV2) == []
    assert await train(gateway, trainings[refused]) == 202


class Ahead:
    """A clock that is five minutes fast, just before midnight of the true day."""

    def __init__(self, true: datetime) -> None:
        self.true = true

    def now(self) -> datetime:
        return self.true + timedelta(minutes=5)


async def test_a_clock_five_minutes_off_ends_no_hold_and_loses_no_token(redis: Redis) -> None:
    ledger = LedgerStore(redis, 60)
    await ledger.begin("now")
    midnight = datetime(2026, 11, 30, 23, 58, tzinfo=UTC)
    async with open_gateway(ledger=ledger, clock=Ahead(midnight), **SETTINGS) as gateway:
        speaking, go_on = asyncio.Event(), asyncio.Event()

        async def pause() -> None:
            speaking.set()
            await go_on.wait()

        gateway.model.hang = pause
        async with gateway.client() as client:
            asking = asyncio.create_task(client.post("/v1/chat", json=ASKED))
            await speaking.wait()
            sweeping = worker(gateway.service, Sweeping)
            await sweeping.sweep()
            go_on.set()
            assert (await asking).status_code == 200

        async def counted() -> bool:
            return (await ledger.totals("acme", day_of(Ahead(midnight).now()))).of_day.tokens > 0

        await until(counted)
        true, fast = [
            (await ledger.totals("acme", day_of(moment))).of_day.tokens
            for moment in (midnight, Ahead(midnight).now())
        ]
        # Its own calls count on its own day, wherever that is, and once.
        assert (true, fast) == (0, 120)
        assert gateway.publisher.of(ModelUsedV2)[0].purpose == "answer"


# -- rates


async def test_so_many_requests_a_minute_and_no_more(redis: Redis) -> None:
    rates = RateStore(redis)
    waits = await asyncio.gather(*(rates.wait_s("acme", {"tenant": 10}) for _ in range(25)))
    assert waits.count(0.0) == 10
    refused = [wait for wait in waits if wait]
    assert all(0 < wait <= 6 for wait in refused)
    assert await rates.wait_s("other", {"tenant": 10}) == 0


async def test_a_request_needs_room_under_every_name_and_takes_none_else(redis: Redis) -> None:
    rates = RateStore(redis)
    assert await rates.wait_s("acme", {"tenant": 2, "token:a": 1}) == 0
    assert await rates.wait_s("acme", {"tenant": 2, "token:a": 1}) > 0
    assert await rates.wait_s("acme", {"tenant": 2, "token:b": 1}) == 0
    assert await rates.wait_s("acme", {"tenant": 0}) == pytest.approx(60)
