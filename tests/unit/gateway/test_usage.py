"""Who sees whose tokens and cost."""

from datetime import UTC, datetime
from decimal import Decimal

from services.gateway.models.usage import Spent, month_of
from tests.unit.gateway.fakes import Gateway

SPENT = Spent(calls=2, input_tokens=100, output_tokens=10, cost_usd=Decimal("0.25"))


async def test_a_user_sees_only_their_own_sum() -> None:
    gateway = Gateway()
    gateway.usage.months["acme", month_of(datetime.now(UTC))] = {"ann": SPENT, "bob": SPENT}
    async with gateway.client(scopes=frozenset({"chat"})) as client:
        shown = (await client.get("/v1/usage")).json()
    assert shown["own"] == {
        "calls": 2,
        "input_tokens": 100,
        "output_tokens": 10,
        "cost_usd": 0.25,
    }
    assert shown["users"] is None


async def test_an_admin_sees_the_tenants_users_and_no_other_tenants() -> None:
    gateway = Gateway()
    month = month_of(datetime.now(UTC))
    gateway.usage.months = {("acme", month): {"bob": SPENT}, ("other", month): {"eve": SPENT}}
    async with gateway.client() as client:
        shown = (await client.get("/v1/usage")).json()
    assert shown["own"]["calls"] == 0
    assert list(shown["users"]) == ["bob"]
