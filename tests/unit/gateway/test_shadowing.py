"""A shadow answers production's turns once more: held, metered, counted, and seen by nobody."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from contracts.gateway.turns import TurnCompletedV2
from contracts.platform.usage import ModelUsedV2
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.models.prompt import (
    CANARY,
    PRODUCTION,
    SHADOW,
    Labelled,
    Labels,
    Parameters,
    PromptVersion,
    shadow_of,
)
from services.gateway.models.tenant import Deletion, TenantSettings
from services.gateway.models.usage import NOBODY, Amount
from services.gateway.services.arms import Arms
from shared.errors import DeadlineMissed, Unavailable
from shared.observability import flush_metrics
from shared.ports import ChatMessage, Sampling
from shared.testing.fakes import Sent
from shared.testing.probe import until
from shared.testing.running import worker
from tests.unit.gateway.fakes import PRICE, Gateway, open_gateway, text_of
from tests.unit.gateway.test_arms import BROKEN, LABELS, arms, counted, labels

QUESTION = "How much is the allowance?"
SHOWN, UNSEEN = "The allowance is 40 euros [1].", "Whispered: 41 euros [1]."
Skips = Callable[[], Counter[str]]


@pytest.fixture
def skips(capsys: pytest.CaptureFixture[str]) -> Skips:
    """How many turns had no shadow so far, by reason."""
    flush_metrics()
    capsys.readouterr()
    seen: Counter[str] = Counter()

    def look() -> Counter[str]:
        flush_metrics()
        for line in capsys.readouterr().out.splitlines():
            if "ShadowsSkipped" in line:
                found = json.loads(line)
                seen[found["reason"]] += found["ShadowsSkipped"][0]
        return seen

    return look


async def put(
    gateway: Gateway,
    label: str = SHADOW,
    weight: float | None = 100,
    system: str = "Be brief.",
    tenant: str = "acme",
    **parameters: Any,
) -> str:
    """A version at which the label stands from now on."""
    async with gateway.client(tenant=tenant) as client:
        body = {"system": system, "parameters": parameters}
        made = await client.post("/v1/prompts", json=body)
        assert made.status_code == 201, made.text
        version = str(made.json()["version"])
        moved = await client.put(f"{LABELS}/{label}", json={"version": version, "weight": weight})
        assert moved.status_code == 200, moved.text
    return version


def hanging(gateway: Gateway) -> tuple[asyncio.Event, asyncio.Event]:
    """The model `second` hangs after its first piece: set when it does; set it to go on."""
    spoke, go = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        if gateway.model.calls[-1][0] == "second":
            spoke.set()
            await go.wait()

    gateway.model.hang = hang
    return spoke, go


async def heard(event: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await event.wait()


def purposes(gateway: Gateway) -> list[str]:
    return [about["purpose"] for about in gateway.model.about]


def metered(gateway: Gateway) -> list[Sent]:
    """What was told of the calls of shadows."""
    return [
        one
        for one in gateway.publisher.sent
        if isinstance(one.message, ModelUsedV2) and one.message.purpose == "shadow"
    ]


def without_marker(messages: tuple[ChatMessage, ...]) -> list[str]:
    return [re.sub(r'marker="\w+"', "", message.text) for message in messages]


async def test_it_answers_from_the_same_and_nobody_sees_it(gateway: Gateway) -> None:
    version = await put(gateway, model="second", temperature=0.5)
    gateway.model.by_model["second"] = (UNSEEN,)
    shown: list[tuple[str, Any]] = []
    for question in (QUESTION, "and abroad?"):
        shown += await gateway.ask(question, conversation_id="c1")
    figures = await counted(gateway, SHADOW, 2)
    assert (figures["version"], figures["weight"], figures["failures"]) == (version, 100, 0)
    assert text_of(shown) == 2 * SHOWN
    asked = list(zip(gateway.model.calls, gateway.model.asked, strict=True))
    answers = [call for call, _ in asked if call[0] == "first"]
    shadows = [(call, how) for call, how in asked if call[0] == "second"]
    said = sorted(without_marker(messages) for _, _, messages in answers)
    assert sorted(without_marker(messages) for (_, _, messages), _ in shadows) == said
    for (_, system, _), how in shadows:
        assert system.startswith("Be brief.\n")
        assert how == (1024, Sampling(temperature=0.5))
    told = [about for about in gateway.model.about if about["purpose"] == "shadow"]
    assert {about["prompt_version"] for about in told} == {version}
    turns = gateway.publisher.of(TurnCompletedV2)
    assert [(one.arm, one.model, one.answer) for one in turns] == 2 * [(PRODUCTION, "first", SHOWN)]
    kept = gateway.sessions.turns["acme", "ann", "c1"]
    assert [one.answer for one in kept] == [SHOWN, SHOWN]
    written = [one.message.model_dump_json() for one in gateway.publisher.sent]
    assert [one for one in (*written, json.dumps(shown)) if "Whispered" in one] == []


async def test_it_is_held_metered_and_paid_by_the_tenant_alone(gateway: Gateway) -> None:
    gateway.model.cost_usd = Decimal("0.25")
    await put(gateway, model="second")
    spoke, go = hanging(gateway)
    await gateway.ask(QUESTION)
    await heard(spoke)
    await until(lambda: len(gateway.ledger.settled) == 1)
    [hold] = gateway.ledger.holds.values()
    assert (hold.tenant, hold.user, hold.model) == ("acme", NOBODY, "second")
    assert (hold.own, hold.rest) == (Amount.of(PRICE * 9024, 9024), Amount())
    go.set()
    await until(lambda: len(gateway.ledger.settled) == 2 and metered(gateway))
    assert gateway.ledger.holds == {}
    [told] = metered(gateway)
    used = told.message
    assert isinstance(used, ModelUsedV2)
    assert (used.model, used.arm, used.cost_usd) == ("second", SHADOW, Decimal("0.25"))
    assert (used.turn_id, told.context.principal) == (hold.id, None)
    counts = [call for _, call in gateway.ledger.counted.values()]
    [call] = [one for one in counts if one.line.purpose == "shadow"]
    assert (call.event_id, call.line.user, call.spent.cost_usd) == (told.id, NOBODY, used.cost_usd)
    # Of the arm, a turn costs what it would in production: the search of .5 dollars too.
    assert (await counted(gateway, SHADOW, 1))["usd_a_turn"] == pytest.approx(0.75)
    assert (await arms(gateway))[PRODUCTION]["usd_a_turn"] == pytest.approx(0.75)


async def test_at_the_limit_there_is_none(gateway: Gateway, skips: Skips) -> None:
    gateway.ledger.limit("acme", usd_day="0.0150")
    gateway.model.cost_usd = Decimal("0.012")
    await put(gateway)
    events = await gateway.ask(QUESTION)
    assert events[-1][0] == "done"
    await until(lambda: skips()["budget"] == 1)
    assert purposes(gateway) == ["answer"]
    await until(lambda: not gateway.ledger.holds)
    assert (await arms(gateway))[SHADOW]["turns"] == 0


@pytest.mark.parametrize("state", ["suspended", "deleted"])
async def test_a_tenant_that_is_suspended_or_deleted_has_none(
    gateway: Gateway, skips: Skips, state: str
) -> None:
    """Meanwhile: its turn was under way."""
    await put(gateway)

    async def end() -> None:
        if state == "suspended":
            gateway.ledger.kept["acme"] = (2, TenantSettings(suspended=True))
        else:
            gateway.ledger.deletions["acme"] = Deletion(erasure_id="e", until=datetime.now(UTC))
        worker(gateway.service, Arms).prompts.tenants.forget("acme")

    gateway.model.hang = end
    assert (await gateway.ask(QUESTION))[-1][0] == "done"
    await until(lambda: skips()["suspended"] == 1)
    assert purposes(gateway) == ["answer"]


async def test_only_a_finished_turn_of_production_that_asked_a_model_has_one() -> None:
    """Leaving the block waits for shadows."""
    async with open_gateway() as gateway:
        await put(gateway, model="second")
        await put(gateway, CANARY, system="Be exact.")
        await gateway.ask(QUESTION, conversation_id="canary")
        assert gateway.publisher.of(TurnCompletedV2)[0].arm == CANARY
        async with gateway.client() as client:
            await client.put(f"{LABELS}/canary", json={"version": None})
        gateway.model.by_model["first"] = BROKEN
        assert (await gateway.ask(QUESTION))[-1][0] == "error"
        gateway.model.by_model.clear()
        spoke, forever = asyncio.Event(), asyncio.Event()

        async def hang() -> None:
            spoke.set()
            await forever.wait()

        gateway.model.hang = hang
        await gateway.ask_and_leave(QUESTION, spoke)
        gateway.model.hang = None
        await until(lambda: gateway.publisher.of(TurnCompletedV2)[-1].outcome == "stopped")
        gateway.requester.answers[SearchRequestedV1] = DeadlineMissed("retrieval-queries", 1)
        await gateway.ask(QUESTION)
        assert gateway.publisher.of(TurnCompletedV2)[-1].model == "none"
    assert purposes(gateway) == 3 * ["answer"]


async def test_another_tenants_label_and_a_weight_of_nothing_bring_none() -> None:
    async with open_gateway() as gateway:
        await put(gateway, weight=0)
        await put(gateway, tenant="globex")
        await gateway.ask(QUESTION)
    assert purposes(gateway) == ["answer"]


async def test_at_most_so_many_are_asked_at_once(skips: Skips) -> None:
    async with open_gateway(shadows_at_once=1) as gateway:
        await put(gateway, model="second")
        spoke, go = hanging(gateway)
        await gateway.ask(QUESTION, conversation_id="c1")
        await heard(spoke)
        await gateway.ask(QUESTION, conversation_id="c2")
        await until(lambda: skips()["busy"] == 1)
        assert purposes(gateway) == ["answer", "shadow", "answer"]
        go.set()
        await counted(gateway, SHADOW, 1)
        await gateway.ask(QUESTION, conversation_id="c3")
        await counted(gateway, SHADOW, 2)


@pytest.mark.parametrize(
    ("pieces", "estimated"),
    [
        (BROKEN, [True]),
        (("The allowance", ValueError("secret")), [True]),
        # Before its first word a model costs nothing, and no other model is asked.
        ((Unavailable("bedrock", "gone"),), []),
    ],
)
async def test_a_shadow_that_breaks_off_is_a_failure_of_its_arm_alone(
    gateway: Gateway, pieces: tuple[str | Exception, ...], estimated: list[bool]
) -> None:
    await put(gateway, model="second")
    gateway.model.by_model["second"] = pieces
    assert text_of(await gateway.ask(QUESTION)) == SHOWN
    found = await counted(gateway, SHADOW, 1)
    assert (found["turns"], found["failures"], found["refusals"]) == (1, 1, 0)
    assert [model for model, *_ in gateway.model.calls] == ["first", "second"]
    await until(lambda: len(metered(gateway)) == len(estimated))
    assert [getattr(one.message, "estimated", None) for one in metered(gateway)] == estimated
    await until(lambda: len(gateway.ledger.settled) == 2)
    production = await counted(gateway, PRODUCTION, 1)
    assert (production["turns"], production["failures"]) == (1, 0)


async def test_it_is_never_judged() -> None:
    async with open_gateway(canary_turns=1, canary_failures=0.0) as gateway:
        version = await put(gateway, model="second")
        canary = await put(gateway, CANARY, weight=0, system="Be exact.")
        gateway.model.by_model["second"] = ("I cannot say.",)
        for n in range(3):
            await gateway.ask(QUESTION, conversation_id=f"c{n}")
        await counted(gateway, SHADOW, 3)
        gateway.model.by_model["second"] = BROKEN
        for n in range(3):
            await gateway.ask(QUESTION, conversation_id=f"c{n}")
        found = await counted(gateway, SHADOW, 6)
        assert (found["failures"], found["refusals"]) == (3, 3)
        await worker(gateway.service, Arms).round()
        shown = await labels(gateway)
        assert (shown[SHADOW]["version"], shown[CANARY]["version"]) == (version, canary)
        weights = {label: one["weight"] for label, one in (await arms(gateway)).items()}
        assert weights == {PRODUCTION: 100, CANARY: 0, SHADOW: 100}


async def test_which_model_it_asks(gateway: Gateway) -> None:
    """Its version's, where the tenant has it; the asker's, who has named one; else the first."""
    await put(gateway, PRODUCTION, None, system="Be exact.", model="second")
    await put(gateway)

    async def model_of(**body: Any) -> str:
        before = len(gateway.model.calls)
        await gateway.ask(QUESTION, **body)
        await until(lambda: purposes(gateway)[before:] == ["answer", "shadow"])
        return gateway.model.calls[-1][0]

    assert await model_of() == "first"
    assert await model_of(model="second") == "second"
    await put(gateway, system="Be quick.", model="second")
    assert await model_of() == "second"
    gateway.ledger.kept["acme"] = (2, TenantSettings(models=("first",)))
    worker(gateway.service, Arms).prompts.tenants.forget("acme")
    assert await model_of() == "first"


async def test_a_stop_waits_for_shadows_as_long_as_it_has() -> None:
    async with open_gateway(drain_s=30) as gateway:
        await put(gateway, model="second")
        spoke, go = hanging(gateway)
        await gateway.ask(QUESTION)
        await heard(spoke)
        asyncio.get_running_loop().call_later(0.05, go.set)
    [used] = metered(gateway)
    assert isinstance(used.message, ModelUsedV2)
    assert (used.message.estimated, used.message.output_tokens) == (False, 20)
    turns = [one.turns for (_, arm, _), one in gateway.prompts.turns.items() if arm.label == SHADOW]
    assert turns == [1]


async def test_a_stop_without_time_cancels_them_and_meters_what_came() -> None:
    async with open_gateway(drain_s=0) as gateway:
        await put(gateway, model="second")
        spoke, _ = hanging(gateway)
        await gateway.ask(QUESTION)
        await heard(spoke)
        assert len(gateway.ledger.holds) >= 1
    assert gateway.model.closed == 2
    [used] = metered(gateway)
    assert isinstance(used.message, ModelUsedV2)
    assert used.message.estimated
    assert used.message.output_tokens > 0
    assert gateway.ledger.holds == {}
    # It says nothing of the version.
    assert {arm.label for _, arm, _ in gateway.prompts.turns} == {PRODUCTION}


def test_the_share_of_the_shadow_is_its_weight_in_turns() -> None:
    version = PromptVersion.of("answer", "Be brief.", Parameters())

    def on(weight: float) -> int:
        at = datetime(2026, 11, 27, tzinfo=UTC)
        shadow = Labelled(name="answer", label=SHADOW, version=version, weight=weight, moved_at=at)
        found = [shadow_of(Labels(shadow=shadow), "acme", f"t{n}") for n in range(2_000)]
        return sum(one is not None and one.label == SHADOW for one in found)

    assert (on(0), on(100)) == (0, 2_000)
    assert 350 <= on(20) <= 450
    assert shadow_of(Labels(), "acme", "t1") is None
