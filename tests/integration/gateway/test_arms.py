"""Figures of arms in a real Redis, and two gateways that take a bad canary back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio
from redis.asyncio import Redis

from contracts.gateway.prompts import PromptMovedV1
from contracts.gateway.turns import TurnCompletedV2
from services.gateway.models.arm import ArmFigures
from services.gateway.models.prompt import (
    BUILT_IN_ARM,
    CANARY,
    PRODUCTION,
    Arm,
    Parameters,
    PromptVersion,
)
from services.gateway.models.tenant import Deletion
from services.gateway.store.ledger_store import LedgerStore
from services.gateway.store.prompt_store import PromptStore
from shared.errors import Unavailable
from shared.testing.probe import until
from tests.unit.gateway.fakes import Gateway, open_gateway

NOW = datetime(2026, 11, 27, tzinfo=UTC)
TRIED = PromptVersion.of("answer", "Be brief.", Parameters(model="second"), NOW)
GOOD, BAD = ArmFigures(1, 0, 0, 0.25, 0.0625), ArmFigures(1, 1, 1, 1e-05, 1e-10)
BROKEN = ("The allowance", Unavailable("bedrock", "broken off"))


@pytest_asyncio.fixture
async def ledger(redis: Redis) -> LedgerStore:
    ledger = LedgerStore(redis, 60)
    await ledger.begin("now")
    for tenant in ("acme", "globex"):
        await ledger.settings(tenant)
    return ledger


async def test_figures_are_sums_of_an_arm_in_a_window(redis: Redis, ledger: LedgerStore) -> None:
    store = PromptStore(redis)
    first = Arm(label=CANARY, version=TRIED, since=NOW)
    again = Arm(label=CANARY, version=TRIED, since=NOW + timedelta(seconds=1))
    for bucket, arm, turn in (
        (7, BUILT_IN_ARM, GOOD),
        (8, BUILT_IN_ARM, GOOD),
        (8, first, BAD),
        (9, first, BAD),
        (9, again, GOOD),
    ):
        await store.count_turn("acme", arm, turn, bucket, 60)
    await store.count_turn("globex", BUILT_IN_ARM, GOOD, 9, 60)
    found = await store.figures("acme", [BUILT_IN_ARM, first, again], range(8, 10))
    assert found == [GOOD, BAD + BAD, GOOD]
    assert await store.figures("acme", [BUILT_IN_ARM], range(3)) == [ArmFigures()]
    keys = [key async for key in redis.scan_iter(match="*arms*")]
    assert len(keys) == 4
    assert all([0 < await redis.ttl(key) <= 60 for key in keys])


async def test_a_deleted_tenants_figures_go_and_none_come_late(
    redis: Redis, ledger: LedgerStore
) -> None:
    store = PromptStore(redis)
    await store.count_turn("acme", BUILT_IN_ARM, GOOD, 7, 60)
    await ledger.delete("acme", Deletion(erasure_id="e", until=NOW))
    await store.count_turn("acme", BUILT_IN_ARM, GOOD, 7, 60)
    assert await redis.keys("*acme*") == []


@pytest_asyncio.fixture
async def two(redis: Redis, ledger: LedgerStore) -> AsyncIterator[list[Gateway]]:
    async with AsyncExitStack() as stack:
        opened = [
            open_gateway(ledger=LedgerStore(redis, 60), registry=PromptStore(redis))
            for _ in range(2)
        ]
        yield [await stack.enter_async_context(one) for one in opened]


async def put_canary(gateway: Gateway) -> str:
    async with gateway.client() as client:
        body = {"system": "Be brief.", "parameters": {"model": "second"}}
        version = str((await client.post("/v1/prompts", json=body)).json()["version"])
        moved = await client.put(
            "/v1/prompts/answer/labels/canary",
            json={"version": version, "weight": 100, "expects": None},
        )
    assert moved.status_code == 200, moved.text
    return version


async def ask(gateway: Gateway, conversation_id: str) -> TurnCompletedV2:
    before = len(gateway.publisher.of(TurnCompletedV2))
    await gateway.ask("How much is the allowance?", conversation_id=conversation_id)
    told = await until(lambda: gateway.publisher.of(TurnCompletedV2)[before:])
    turn: TurnCompletedV2 = told[0]
    return turn


async def shown(gateway: Gateway) -> dict[str, Any]:
    async with gateway.client() as client:
        listed = (await client.get("/v1/prompts")).json()["labels"]
    return {one["label"]: one for one in listed}


async def test_a_bad_canary_goes_back_once_and_every_gateway_follows(two: list[Gateway]) -> None:
    version = await put_canary(two[0])
    for gateway in two:
        gateway.model.by_model["second"] = BROKEN
    await asyncio.gather(*(ask(two[n % 2], f"c{n}") for n in range(12)))
    asked = [turn for gateway in two for turn in gateway.publisher.of(TurnCompletedV2)]
    broken = [turn for turn in asked if turn.arm == CANARY]
    # The fault fired.
    assert len(broken) >= 5
    assert {(turn.model, turn.outcome) for turn in broken} == {("second", "failed")}

    async def is_back() -> bool:
        return (await shown(two[1]))[CANARY]["version"] is None

    await until(is_back)
    for n, gateway in enumerate(two):

        async def answers(n: int = n, gateway: Gateway = gateway) -> bool:
            return (await ask(gateway, f"c{n}")).arm == PRODUCTION

        await until(answers, every_s=0.2)
        turn = await ask(gateway, f"c{n}")
        assert (turn.arm, turn.model, turn.outcome) == (PRODUCTION, "first", "completed")
    back = [
        one.message
        for gateway in two
        for one in gateway.publisher.sent
        if isinstance(one.message, PromptMovedV1) and one.message.version is None
    ]
    [told] = back
    assert (told.before, told.reason) == (version, (await shown(two[0]))[CANARY]["reason"])


async def test_a_good_canary_stays_on_every_gateway(two: list[Gateway]) -> None:
    version = await put_canary(two[0])
    await asyncio.gather(*(ask(two[n % 2], f"c{n}") for n in range(12)))

    async def all_counted() -> bool:
        async with two[0].client() as client:
            found = (await client.get("/v1/prompts/answer/arms")).json()["arms"]
        return (found[-1]["label"], found[-1]["turns"]) == (CANARY, 12)

    await until(all_counted)
    assert (await shown(two[1]))[CANARY]["version"] == version
