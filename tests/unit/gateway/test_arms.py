"""A canary that is worse goes back by itself, a good one stays; a version may name a model."""

import asyncio
import random
from decimal import Decimal
from typing import Any

import pytest

from contracts.gateway.prompts import PromptMovedV1, PromptRegisteredV1
from contracts.gateway.turns import TurnCompletedV2
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.models.arm import ArmFigures
from services.gateway.models.prompt import (
    BUILT_IN,
    CANARY,
    PRODUCTION,
    Labels,
    Parameters,
    PromptVersion,
)
from services.gateway.models.tenant import Limits, TenantSettings
from services.gateway.services.arms import Arms, CanaryLimits, worse
from shared.errors import DeadlineMissed, Unavailable
from shared.testing.probe import until
from shared.testing.running import worker
from tests.unit.gateway.fakes import PRICE, Gateway, a_hit, an_answered_search, open_gateway

LIMITS = CanaryLimits(turns=5, failures=0.1, refusals=0.2, cost=2.0)
BROKEN = ("The allowance", Unavailable("bedrock", "broken off"))
LABELS = "/v1/prompts/answer/labels"


def turns(count: int, failures: int = 0, refusals: int = 0, usd: float = 0.01) -> ArmFigures:
    """All of the same cost."""
    return ArmFigures(count, failures, refusals, usd * count, usd * usd * count)


NONE, USUAL = ArmFigures(), turns(200, failures=2, refusals=40)


@pytest.mark.parametrize(
    ("canary", "production", "what"),
    [
        (turns(5, failures=5), USUAL, "failures"),
        (turns(5, failures=5), NONE, "failures"),
        (turns(5, failures=5), turns(1), "failures"),
        (turns(4, failures=4), USUAL, None),
        (turns(5, failures=1), USUAL, None),
        (turns(5, failures=2), turns(20, failures=2), None),
        (turns(100, failures=20), USUAL, "failures"),
        (turns(100, failures=9), USUAL, None),
        # What production fails at as well is not the canary's fault.
        (turns(20, failures=20), turns(20, failures=20), None),
        (turns(20, refusals=19), USUAL, "refusals"),
        (turns(20, refusals=7), USUAL, None),
        (turns(100, refusals=60), USUAL, "refusals"),
        # Nothing to compare with.
        (turns(100, refusals=60), NONE, None),
        (turns(100, usd=1.0), NONE, None),
        (turns(20, usd=0.021), USUAL, "cost"),
        (turns(20, usd=0.019), USUAL, None),
        (turns(20, usd=1.0), turns(20, usd=0.0), None),
        (turns(200, failures=2, refusals=40), USUAL, None),
    ],
)
def test_a_canary_goes_back_when_it_is_surely_worse(
    canary: ArmFigures, production: ArmFigures, what: str | None
) -> None:
    reason = worse(canary, production, LIMITS)
    assert (reason and reason.split(":")[0]) == what


def test_one_dear_turn_takes_nobody_back() -> None:
    costs = [0.01] * 19 + [1.0]
    one_dear = ArmFigures(20, 0, 0, sum(costs), sum(cost * cost for cost in costs))
    assert worse(one_dear, turns(200), LIMITS) is None
    assert one_dear.usd_a_turn == pytest.approx(0.0595)


@pytest.mark.parametrize(("failing", "refusing"), [(0.0, 0.0), (0.02, 0.1), (0.1, 0.3)])
def test_chance_takes_few_good_canaries_back_though_each_turn_is_judged(
    failing: float, refusing: float
) -> None:
    """Both arms are equally good. Of 100 canaries of 200 turns at most one in twenty goes back."""
    chance = random.Random(8)
    went_back = 0
    for _ in range(100):
        arms = [NONE, NONE]
        for n in range(400):
            failed = chance.random() < failing
            refused = not failed and chance.random() < refusing
            arms[n % 2] += ArmFigures(1, int(failed), int(refused), 0.01, 0.0001)
            if n % 2 and worse(arms[1], arms[0], LIMITS):
                went_back += 1
                break
    assert went_back <= 5


async def canary(
    gateway: Gateway, weight: float = 100, system: str = "Be brief.", **parameters: Any
) -> str:
    async with gateway.client() as client:
        body = {"system": system, "parameters": parameters}
        made = await client.post("/v1/prompts", json=body)
        assert made.status_code == 201, made.text
        version = str(made.json()["version"])
        moved = await client.put(f"{LABELS}/canary", json={"version": version, "weight": weight})
        assert moved.status_code == 200, moved.text
    return version


async def asked(gateway: Gateway, conversation_id: str, **body: Any) -> TurnCompletedV2:
    before = len(gateway.publisher.of(TurnCompletedV2))
    await gateway.ask("How much is the allowance?", conversation_id=conversation_id, **body)
    # A turn that failed is recorded without being waited for.
    told = await until(lambda: gateway.publisher.of(TurnCompletedV2)[before:])
    turn: TurnCompletedV2 = told[0]
    return turn


async def arms(gateway: Gateway) -> dict[str, dict[str, Any]]:
    async with gateway.client() as client:
        listed = await client.get("/v1/prompts/answer/arms")
    assert listed.status_code == 200, listed.text
    return {one["label"]: one for one in listed.json()["arms"]}


async def counted(gateway: Gateway, label: str, count: int) -> dict[str, Any]:
    """The arm's figures, when so many turns are in them."""

    async def there() -> dict[str, Any] | None:
        found = (await arms(gateway)).get(label)
        return found if found and found["turns"] >= count else None

    found: dict[str, Any] = await until(there)
    return found


async def labels(gateway: Gateway) -> dict[str, dict[str, Any]]:
    async with gateway.client() as client:
        listed = (await client.get("/v1/prompts")).json()["labels"]
    return {one["label"]: one for one in listed}


async def test_five_failures_take_a_canary_back_and_production_answers(gateway: Gateway) -> None:
    version = await canary(gateway, model="second")
    gateway.model.by_model["second"] = BROKEN
    for n in range(4):
        turn = await asked(gateway, f"c{n}")
        assert (turn.arm, turn.model, turn.outcome) == (CANARY, "second", "failed")
    assert (await counted(gateway, CANARY, 4))["failures"] == 4
    assert (await labels(gateway))[CANARY]["version"] == version
    assert (await asked(gateway, "c4")).outcome == "failed"
    await until(lambda: not gateway.prompts.at)
    shown = (await labels(gateway))[CANARY]
    assert (shown["version"], shown["before"]) == (None, version)
    assert shown["reason"] == "failures: 5 of 5 turns; production: 0 of 0"
    turn = await asked(gateway, "c0")
    assert (turn.arm, turn.model, turn.outcome) == (PRODUCTION, "first", "completed")
    told = [one for one in gateway.publisher.sent if isinstance(one.message, PromptMovedV1)]
    [_, back] = told
    assert isinstance(back.message, PromptMovedV1)
    assert (back.message.version, back.message.before) == (None, version)
    assert (back.message.reason, back.context.principal) == (shown["reason"], None)
    assert back.message.label == CANARY


async def test_a_canary_that_was_taken_back_may_be_tried_again(gateway: Gateway) -> None:
    """Its figures begin anew; else it would go back before its first turn."""
    version = await canary(gateway, model="second")
    gateway.model.by_model["second"] = BROKEN
    for n in range(5):
        await asked(gateway, f"c{n}")
    await until(lambda: not gateway.prompts.at)
    gateway.model.by_model.clear()
    assert await canary(gateway, model="second") == version
    assert (await asked(gateway, "c0")).arm == CANARY
    found = await counted(gateway, CANARY, 1)
    assert (found["turns"], found["failures"]) == (1, 0)
    assert "reason" not in {k for k, v in (await labels(gateway))[CANARY].items() if v}


async def test_a_good_canary_stays(gateway: Gateway) -> None:
    version = await canary(gateway, weight=50)
    for n in range(24):
        await asked(gateway, f"c{n}")
    shown = await counted(gateway, CANARY, 5)
    assert (shown["version"], shown["weight"], shown["failures"]) == (version, 50, 0)
    production = await counted(gateway, PRODUCTION, 5)
    assert (production["version"], production["weight"]) == (BUILT_IN.version, 50)
    await until(lambda: sum(one.turns for one in gateway.prompts.turns.values()) == 24)
    await worker(gateway.service, Arms).round()
    assert (await labels(gateway))[CANARY]["version"] == version
    assert production["usd_a_turn"] == pytest.approx(shown["usd_a_turn"])


async def test_a_canary_that_refuses_goes_back(gateway: Gateway) -> None:
    for n in range(10):
        await asked(gateway, f"p{n}")
    await canary(gateway, model="second")
    gateway.model.by_model["second"] = ("I cannot say.",)
    for n in range(10):
        await asked(gateway, f"c{n}")
    await until(lambda: not gateway.prompts.at)
    assert (await labels(gateway))[CANARY]["reason"].startswith("refusals: ")


async def test_a_round_judges_what_a_dead_gateway_left(gateway: Gateway) -> None:
    version = await canary(gateway)
    await asked(gateway, "c0")
    await counted(gateway, CANARY, 1)
    [place] = gateway.prompts.turns
    gateway.prompts.turns[place] = turns(6, failures=6)
    await worker(gateway.service, Arms).round()
    shown = (await labels(gateway))[CANARY]
    assert (shown["version"], shown["before"]) == (None, version)


async def test_what_a_dead_gateway_did_not_tell_the_archive_the_next_one_does(
    gateway: Gateway,
) -> None:
    version = await canary(gateway)
    standing = (await gateway.prompts.labels("acme")).canary
    assert standing is not None
    # The last thing that it does.
    assert await worker(gateway.service, Arms).prompts.take_back("acme", standing, "failures: 5")
    async with open_gateway(registry=gateway.prompts) as other:
        for _ in range(2):
            await worker(other.service, Arms).round()
        [told] = [one for one in other.publisher.sent if isinstance(one.message, PromptMovedV1)]
    moved = told.message
    assert isinstance(moved, PromptMovedV1)
    assert (moved.version, moved.before, moved.reason) == (None, version, "failures: 5")
    assert (moved.label, moved.revision, told.context.principal) == (CANARY, 2, None)


async def test_while_the_archive_cannot_be_told_canaries_are_judged(gateway: Gateway) -> None:
    version = await canary(gateway)
    await asked(gateway, "c0")
    await counted(gateway, CANARY, 1)
    [place] = gateway.prompts.turns
    gateway.prompts.turns[place] = turns(6, failures=6)
    gateway.publisher.down.add("turns")
    with pytest.raises(Unavailable):
        await worker(gateway.service, Arms).round()
    assert gateway.publisher.faults.fired
    assert (await labels(gateway))[CANARY]["before"] == version
    gateway.publisher.down.clear()
    await worker(gateway.service, Arms).round()
    assert [one.version for one in gateway.publisher.of(PromptMovedV1)] == [version, None]


async def test_a_round_reads_labels_only_where_there_is_something_to_do(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(9):
        gateway.ledger.limit(f"t{n}")
    looked, read = list[str](), gateway.prompts.labels

    async def labels_of(tenant: str) -> Labels:
        looked.append(tenant)
        return await read(tenant)

    await canary(gateway)
    monkeypatch.setattr(gateway.prompts, "labels", labels_of)
    rounds = worker(gateway.service, Arms)
    # A gateway of an earlier release may have put canaries: at first it looks at all.
    await rounds.round()
    assert {*looked} == {"acme", *(f"t{n}" for n in range(9))}
    looked.clear()
    await rounds.round()
    assert {*looked} == {"acme"}
    async with gateway.client() as client:
        assert (await client.put(f"{LABELS}/canary", json={"version": None})).status_code == 200
    await rounds.round()
    looked.clear()
    await rounds.round()
    assert looked == []


async def test_a_label_that_was_moved_meanwhile_stays(gateway: Gateway) -> None:
    found = worker(gateway.service, Arms)
    await canary(gateway)
    old = (await gateway.prompts.labels("acme")).canary
    assert old is not None
    version = await canary(gateway, system="Be exact.")
    assert not await found.prompts.take_back("acme", old, "too late")
    assert (await labels(gateway))[CANARY]["version"] == version


async def test_what_says_nothing_of_an_arm_is_not_counted(gateway: Gateway) -> None:
    """No model was asked, or the person left before the end."""
    gateway.requester.answers[SearchRequestedV1] = DeadlineMissed("retrieval-queries", 1)
    assert (await asked(gateway, "c0")).model == "none"
    gateway.requester.answers[SearchRequestedV1] = an_answered_search(a_hit(1))
    spoke, forever = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        spoke.set()
        await forever.wait()

    gateway.model.hang = hang
    await gateway.ask_and_leave("How much is the allowance?", spoke)
    await until(lambda: gateway.publisher.of(TurnCompletedV2)[-1].outcome == "stopped")
    gateway.model.hang = None
    await asked(gateway, "c0")
    assert (await counted(gateway, PRODUCTION, 1))["turns"] == 1


async def test_a_turn_is_answered_while_its_figures_cannot_be_kept(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise Unavailable("redis")

    monkeypatch.setattr(gateway.prompts, "count_turn", away)
    assert (await asked(gateway, "c0")).outcome == "completed"
    assert (await arms(gateway))[PRODUCTION]["turns"] == 0


async def test_a_version_names_one_of_the_tenants_models(gateway: Gateway) -> None:
    arn = "arn:aws:bedrock:us-east-1:000000000000:custom-model-deployment/abc"
    tuned = f"first@{arn}"
    gateway.ledger.kept["acme"] = (1, TenantSettings(models=("first", tuned)))
    version = await canary(gateway, model=arn)
    [told] = [one for one in gateway.publisher.of(PromptRegisteredV1) if one.version == version]
    assert told.parameters.model == tuned
    gateway.model.by_model[tuned] = ("Tuned: 40 euros [1].",)
    turn = await asked(gateway, "c0")
    assert (turn.model, turn.answer, turn.arm) == (tuned, "Tuned: 40 euros [1].", CANARY)
    assert (await arms(gateway))[CANARY]["model"] == tuned
    # Who names a model gets it.
    assert (await asked(gateway, "c1", model="first")).model == "first"
    # The others are its fallback.
    gateway.model.by_model[tuned] = (Unavailable("bedrock", "gone"),)
    assert (await asked(gateway, "c2")).model == "first"
    async with gateway.client() as client:
        body = {"system": "Be exact.", "parameters": {"model": "third"}}
        refused = await client.post("/v1/prompts", json=body)
    problem = refused.json()
    assert (refused.status_code, problem["errors"][0]["field"]) == (422, "parameters.model")
    assert "adds it at the end of `models`" in problem["errors"][0]["message"]


async def test_a_model_that_left_the_settings_answers_no_more(gateway: Gateway) -> None:
    """As after the rollback of its training."""
    version = await canary(gateway, model="second")
    assert (await asked(gateway, "c0")).model == "second"
    gateway.ledger.kept["acme"] = (2, TenantSettings(models=("first",)))
    worker(gateway.service, Arms).prompts.tenants.forget("acme")
    turn = await asked(gateway, "c0")
    assert (turn.model, turn.arm, turn.prompt_version) == ("first", CANARY, version)
    async with gateway.client() as client:
        body = {"version": version}
        refused = await client.put(f"{LABELS}/production", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "version")


async def test_a_budget_comes_before_the_arms_model() -> None:
    def price(model: str, input_tokens: int, output_tokens: int) -> Decimal:
        rate = PRICE if model == "first" else PRICE / 10
        return rate * (input_tokens + output_tokens)

    async with open_gateway(price=price) as gateway:
        limits = Limits(usd_day=Decimal("0.003"))
        models = ("cheap", "first")
        settings = TenantSettings(models=models, limits=limits, cheaper_model="cheap")
        gateway.ledger.kept["acme"] = (1, settings)
        await canary(gateway, model="first")
        assert (await asked(gateway, "c0")).model == "cheap"


async def test_other_settings_judge_otherwise() -> None:
    async with open_gateway(canary_turns=2, canary_failures=0.0) as gateway:
        await canary(gateway, model="second")
        gateway.model.by_model["second"] = BROKEN
        for n in range(2):
            await asked(gateway, f"c{n}")
        await until(lambda: not gateway.prompts.at)


def test_a_version_without_a_model_keeps_the_id_that_it_had() -> None:
    assert BUILT_IN.version == "03f0cd07c302b416954ecf272613e322"
    assert "model" not in BUILT_IN.model_dump_json()
    plain = PromptVersion.of("answer", "Be brief.", Parameters())
    named = PromptVersion.of("answer", "Be brief.", Parameters(model="first"))
    assert plain.version != named.version
    assert PromptVersion.model_validate_json(named.model_dump_json()) == named
