"""/v1/trainings: asked for, shown and changed by admins; a tuned model in a tenant's settings."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from contracts.envelope import Context
from contracts.finetune_export.trainings import (
    ApproveTrainingV1,
    EstimateTrainingV1,
    GetTrainingV1,
    GetTunedModelV1,
    ListTrainingsV1,
    RollBackTrainingV1,
    StopTrainingV1,
    TrainingAnsweredV1,
    TrainingEstimate,
    TrainingRequestedV1,
    TrainingShape,
    TrainingsListedV1,
    TunedModelAnsweredV1,
)
from contracts.gateway.erasures import ErasureDoneV1
from contracts.platform.usage import ModelUsedV2, TenantChangedV1
from services.gateway.models.usage import NOBODY, Amount
from services.gateway.services.spending.sweeping import Sweeping
from shared.bedrock.prices import PriceList, called
from shared.errors import DeadlineMissed, RequestRefused
from shared.outcomes import Done
from shared.testing.running import worker
from tests.unit.gateway.fakes import Gateway

AT = datetime(2026, 1, 1, tzinfo=UTC)
NOVA = "amazon.nova-micro-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abcdefabcdef"
BODY = {"export_id": "ab12", "base_model": NOVA, "parameters": {"epochCount": 2}}
SHAPE = TrainingShape(
    training_id="cd34",
    export_id="ab12",
    base_model=NOVA,
    status="waiting",
    place=1,
    estimate=TrainingEstimate(tokens=100, epochs=2, cost_usd=Decimal("0.5")),
    accepted_at=AT,
)
ANSWER = TrainingAnsweredV1(training=SHAPE)
BEGUN: dict[Any, Any] = {EstimateTrainingV1: ANSWER, TrainingRequestedV1: ANSWER}
HELD = "training:cd34"
CHANGES: dict[str, Any] = {
    "stop": StopTrainingV1,
    "approve": ApproveTrainingV1,
    "rollback": RollBackTrainingV1,
}
CALLS = [
    ("POST", "/v1/trainings"),
    ("GET", "/v1/trainings"),
    ("GET", "/v1/trainings/cd34"),
    *(("POST", f"/v1/trainings/cd34/{change}") for change in CHANGES),
]


async def call(gateway: Gateway, method: str, path: str, **options: Any) -> Any:
    scopes = options.pop("scopes", ("admin", "platform"))
    async with gateway.client(scopes=scopes) as client:
        return await client.request(method, path, **options)


async def test_a_training_is_asked_for_shown_and_changed(gateway: Gateway) -> None:
    for kind in (EstimateTrainingV1, TrainingRequestedV1, GetTrainingV1, *CHANGES.values()):
        gateway.requester.answers[kind] = ANSWER
    gateway.requester.answers[ListTrainingsV1] = TrainingsListedV1(trainings=(SHAPE,))
    accepted = await call(gateway, "POST", "/v1/trainings", json=BODY)
    assert accepted.status_code == 202, accepted.text
    told = accepted.json()
    assert (told["status"], told["place"], told["estimate"]["cost_usd"]) == ("waiting", 1, "0.5")
    assert told["losses"] == {"training": None, "validation": [], "steps": []}
    [wanted] = gateway.requester.of(TrainingRequestedV1)
    assert wanted.parameters == {"epochCount": "2"}
    assert (await call(gateway, "GET", "/v1/trainings/cd34")).json() == told
    assert (await call(gateway, "GET", "/v1/trainings")).json() == {"trainings": [told]}
    for change, kind in CHANGES.items():
        answered = await call(gateway, "POST", f"/v1/trainings/cd34/{change}")
        assert (answered.status_code, answered.json()) == (202, told)
        assert len(gateway.requester.of(kind)) == 1
    figures = {"figures": {"f1": 0.5}}
    await call(gateway, "POST", "/v1/trainings/cd34/approve", json=figures)
    assert gateway.requester.of(ApproveTrainingV1)[-1].figures == {"f1": 0.5}
    _, _, context = gateway.requester.asked[-1]
    assert (context.tenant, context.principal) == ("acme", "ann")


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_who_is_no_admin_may_not(gateway: Gateway, method: str, path: str) -> None:
    response = await call(gateway, method, path, json=BODY, scopes=("chat",))
    assert response.status_code == 403
    assert gateway.requester.asked == []


async def test_what_finetune_export_refuses_is_said(gateway: Gateway) -> None:
    answers: dict[Any, Any] = {
        EstimateTrainingV1: RequestRefused("invalid_request", "the export is running"),
        StopTrainingV1: RequestRefused("not_possible", "the training is failed"),
        GetTrainingV1: RequestRefused("not_found", "There is no such training."),
    }
    gateway.requester.answers |= answers
    for method, path, status in (
        ("POST", "/v1/trainings", 422),
        ("POST", "/v1/trainings/cd34/stop", 409),
        ("GET", "/v1/trainings/cd34", 404),
        ("GET", "/v1/trainings/..x", 422),
    ):
        assert (await call(gateway, method, path, json=BODY)).status_code == status
    for wrong in ({}, BODY | {"export_id": "../x"}, BODY | {"parameters": {"a": [1]}}):
        assert (await call(gateway, "POST", "/v1/trainings", json=wrong)).status_code == 422


async def test_the_estimate_is_held_before_the_training_is_asked_for(gateway: Gateway) -> None:
    gateway.requester.answers |= BEGUN
    url, limits = "/v1/admin/tenants/acme", {"usd_month": 0.75}
    await call(gateway, "POST", url, json={"limits": limits, "user_limits": {"usd_day": 0}})
    for _ in range(2):
        assert (await call(gateway, "POST", "/v1/trainings", json=BODY)).status_code == 202
    [hold] = gateway.ledger.holds.values()
    assert (hold.id, hold.tenant, hold.user, hold.own) == (HELD, "acme", NOBODY, Amount())
    assert hold.rest == Amount.of(Decimal("0.5"), 100)
    wanted = gateway.requester.of(TrainingRequestedV1)[-1]
    assert (wanted.most_usd, wanted.most_tokens) == (Decimal("0.5"), 100)
    another = SHAPE.model_copy(update={"training_id": "ef56"})
    gateway.requester.answers[EstimateTrainingV1] = TrainingAnsweredV1(training=another)
    refused = await call(gateway, "POST", "/v1/trainings", json=BODY)
    assert (refused.status_code, refused.json()["code"]) == (402, "budget_reached")
    assert refused.json()["limit"] == 0.75
    assert len(gateway.requester.of(TrainingRequestedV1)) == 2
    # One that has ended costs nothing any more.
    over = another.model_copy(update={"status": "trained", "ended_at": AT})
    gateway.requester.answers[EstimateTrainingV1] = TrainingAnsweredV1(training=over)
    assert (await call(gateway, "POST", "/v1/trainings", json=BODY)).status_code == 202
    assert gateway.ledger.holds.keys() == {HELD}
    await call(gateway, "POST", f"{url}/suspend")
    assert (await call(gateway, "POST", "/v1/trainings", json=BODY)).status_code == 403


def ended(at: datetime) -> TrainingAnsweredV1:
    return TrainingAnsweredV1(training=SHAPE.model_copy(update={"ended_at": at}))


@pytest.mark.parametrize(
    ("answer", "stays"),
    [
        (ANSWER, True),
        # What it did cost may still be on its way.
        (ended(datetime.now(UTC) + timedelta(days=1)), True),
        (ended(AT), False),
        # It was refused, or its request came to nothing.
        (RequestRefused("not_found", "There is no such training."), False),
    ],
    ids=["open", "just ended", "ended", "unknown"],
)
async def test_a_trainings_hold_outlives_its_gateway_and_ends_with_the_training(
    gateway: Gateway, answer: Any, stays: bool
) -> None:
    gateway.requester.answers |= BEGUN
    await call(gateway, "POST", "/v1/trainings", json=BODY)
    gateway.requester.answers[GetTrainingV1] = answer
    gateway.ledger.lapsed.add(HELD)
    await worker(gateway.service, Sweeping).round()
    assert (HELD in gateway.ledger.holds, gateway.ledger.renewed) == (stays, [HELD] * stays)
    assert gateway.requester.of(GetTrainingV1) == [GetTrainingV1(training_id="cd34")]
    assert gateway.publisher.of(ModelUsedV2) == []


async def test_while_finetune_export_is_away_its_holds_stay_and_others_end(
    gateway: Gateway,
) -> None:
    gateway.requester.answers |= BEGUN
    await call(gateway, "POST", "/v1/trainings", json=BODY)
    turn = replace(gateway.ledger.holds[HELD], id="turn-1", own=Amount(5, 5))
    gateway.ledger.holds[turn.id] = turn
    gateway.ledger.lapsed |= {HELD, turn.id}
    with pytest.raises(DeadlineMissed):
        await worker(gateway.service, Sweeping).round()
    assert gateway.ledger.holds.keys() == {HELD}


async def test_a_deployment_is_named_with_its_base_and_leaves_when_it_is_rolled_back(
    gateway: Gateway,
) -> None:
    name = f"{NOVA}@{ARN}"
    deployed = SHAPE.model_copy(update={"status": "deployed", "model": name})
    answers: dict[Any, Any] = {
        GetTunedModelV1: TunedModelAnsweredV1(model=name),
        GetTrainingV1: TrainingAnsweredV1(training=deployed),
        RollBackTrainingV1: ANSWER,
    }
    gateway.requester.answers |= answers
    url, other = "/v1/admin/tenants/acme", "amazon.nova-lite-v1:0"
    for given in (ARN, name):
        body = {"models": [given, other], "cheaper_model": given, "judge_model": given}
        made = await call(gateway, "POST" if given == ARN else "PUT", url, json=body)
        assert made.json()["models"] == [name, other], made.text
        assert (made.json()["cheaper_model"], made.json()["judge_model"]) == (name, name)
    assert {one.deployment for one in gateway.requester.of(GetTunedModelV1)} == {ARN}
    assert (await call(gateway, "POST", "/v1/trainings/cd34/rollback")).status_code == 202
    left = (await call(gateway, "GET", url)).json()
    assert (left["models"], left["cheaper_model"], left["judge_model"]) == ([other], None, None)
    assert gateway.publisher.of(TenantChangedV1)[-1].models == (other,)
    gateway.requester.answers[GetTunedModelV1] = RequestRefused("not_found", "no")
    refused = await call(gateway, "PUT", url, json={"models": [ARN]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "models")


def test_a_tuned_model_costs_what_its_base_costs_and_is_called_by_its_deployment() -> None:
    name, prices = f"{NOVA}@{ARN}", PriceList()
    assert prices.cost(name, 1000, 100) == prices.cost(NOVA, 1000, 100)
    assert called(name) == ARN
    assert called(NOVA) == NOVA
    assert not prices.has(ARN)


async def test_a_receipt_names_models_that_were_trained_on_an_erased_user(gateway: Gateway) -> None:
    async with gateway.client() as client:
        begun = (await client.delete("/v1/users/me")).json()["erasure_id"]
        for models in (("m2",), ("m1",)):
            done = ErasureDoneV1(
                erasure_id=begun, service="finetune_export", removed={"turns": 1}, models=models
            )
            handler = gateway.service.handlers["gateway-events"][ErasureDoneV1]
            assert await handler(done, Context(tenant="acme")) == Done()
        assert (await client.get(f"/v1/erasures/{begun}")).json()["models"] == ["m1", "m2"]
