"""Who sees whose tokens and cost."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from contracts.envelope import Context
from contracts.platform.usage import ModelUsedV2
from services.gateway.models.usage import NOBODY, Spent, month_of
from shared.outcomes import Done
from tests.unit.gateway.fakes import Gateway

USED = ModelUsedV2(
    service="ingestion",
    purpose="embed_passages",
    model="m",
    calls=2,
    input_tokens=100,
    output_tokens=10,
    cost_usd=Decimal("0.25"),
)
SPENT = Spent(calls=2, input_tokens=100, output_tokens=10, cost_usd=Decimal("0.25"))


@pytest.mark.parametrize(("user", "counted"), [("ann", "ann"), (None, NOBODY)])
async def test_a_model_call_counts_for_its_user(
    gateway: Gateway, user: str | None, counted: str
) -> None:
    count = gateway.service.handlers["gateway-events"][ModelUsedV2]
    outcome = await count(USED, Context(tenant="acme", principal=user, causation_id="e1"))
    assert outcome == Done()
    assert gateway.ledger.months["acme", month_of(datetime.now(UTC))] == {counted: SPENT}


async def test_a_user_sees_only_their_own_sum(gateway: Gateway) -> None:
    gateway.ledger.months["acme", month_of(datetime.now(UTC))] = {"ann": SPENT, "bob": SPENT}
    async with gateway.client(scopes=frozenset({"chat"})) as client:
        shown = (await client.get("/v1/usage")).json()
    assert shown["own"] == {
        "calls": 2,
        "input_tokens": 100,
        "output_tokens": 10,
        "cost_usd": 0.25,
    }
    assert shown["users"] is None


async def test_an_admin_sees_the_tenants_users_and_no_other_tenants(gateway: Gateway) -> None:
    month = month_of(datetime.now(UTC))
    gateway.ledger.months = {("acme", month): {"bob": SPENT}, ("other", month): {"eve": SPENT}}
    async with gateway.client() as client:
        shown = (await client.get("/v1/usage")).json()
    assert shown["own"]["calls"] == 0
    assert list(shown["users"]) == ["bob"]
