"""Tenants: settings that only operators change, suspension, and rates."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.platform.usage import TenantChangedV1
from services.gateway.models.tenant import TenantSettings
from tests.unit.gateway.fakes import Gateway, open_gateway

URL = "/v1/admin/tenants/acme"
BODY: dict[str, Any] = {
    "models": ["amazon.nova-lite-v1:0"],
    "limits": {"usd_day": "1.50", "tokens_month": 1000, "requests_minute": 60},
    "cheaper_model": "amazon.nova-micro-v1:0",
    "cache": {"exact": False},
    "consent_to_training": True,
}


async def test_an_operator_makes_changes_and_lists_tenants_and_every_service_hears(
    gateway: Gateway,
) -> None:
    async with gateway.client() as client:
        made = await client.post(URL, json=BODY)
        assert made.status_code == 201
        assert made.json()["limits"]["usd_day"] == 1.5
        assert (await client.post(URL, json=BODY)).json()["code"] == "not_possible"
        changed = await client.put(URL, json={"limits": {"usd_day": 3}})
        assert (changed.json()["revision"], changed.json()["models"]) == (2, [])
        assert (await client.get(URL)).json() == changed.json()
        assert (await client.get("/v1/admin/tenants")).json() == {"tenants": ["acme"]}
        assert (await client.get("/v1/admin/tenants/nobody")).status_code == 404
    first, second = gateway.publisher.of(TenantChangedV1)
    assert (first.revision, first.limits.usd_day, first.cache_exact) == (1, Decimal("1.5"), False)
    assert (second.revision, second.limits.usd_day, second.models) == (2, Decimal(3), ())


@pytest.mark.parametrize("scopes", [{"admin"}, {"chat", "documents:write"}])
async def test_nobody_else_may(gateway: Gateway, scopes: set[str]) -> None:
    async with gateway.client(scopes=frozenset(scopes)) as client:
        for method in ("GET", "POST", "PUT"):
            assert (await client.request(method, URL, json=BODY)).status_code == 403
        for action in ("suspend", "resume"):
            assert (await client.post(f"{URL}/{action}")).status_code == 403
        assert (await client.get("/v1/admin/tenants")).status_code == 403
    assert gateway.ledger.kept == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limits.usd_day", -1),
        ("limits.usd_day", "5 EUR"),
        ("limits.usd_day", "1,50"),
        ("limits.usd_day", "NaN"),
        ("limits.usd_month", "Infinity"),
        ("limits.tokens_day", 1.5),
        ("limits.requests_minute", -5),
        ("limits.euros", 5),
        ("models", ["a-model-without-a-price"]),
        ("cheaper_model", "a-model-without-a-price"),
    ],
)
async def test_a_wrong_setting_names_its_field(gateway: Gateway, field: str, value: Any) -> None:
    *outer, name = field.split(".")
    body = {outer[0]: {name: value}} if outer else {name: value}
    async with gateway.client() as client:
        answer = await client.put(URL, json=body)
        made = await client.post(URL, json=body)
    assert made.status_code == 422
    assert made.json()["errors"][0]["field"] == field
    assert answer.status_code in (404, 422)
    assert gateway.ledger.kept == {}


async def test_a_suspended_tenant_reads_but_neither_asks_nor_adds(gateway: Gateway) -> None:
    async with gateway.client() as client:
        await client.post(URL, json={})
        assert (await client.post(f"{URL}/suspend")).json()["suspended"] is True
        # Other settings do not lift it.
        assert (await client.put(URL, json=BODY)).json()["suspended"] is True
        for path, sent in (
            ("/v1/chat", {"json": {"question": "What?"}}),
            ("/v1/search", {"json": {"query": "What?"}}),
            ("/v1/documents", {"files": {"file": ("a.md", b"# Title")}}),
        ):
            refused = await client.post(path, **sent)
            assert (refused.status_code, refused.json()["code"]) == (403, "tenant_suspended")
        assert (await client.get("/v1/usage")).status_code == 200
        assert (await client.post(f"{URL}/resume")).json()["suspended"] is False
        answered = await client.post("/v1/documents", files={"file": ("a.md", b"# Title")})
        assert answered.status_code == 202
    assert gateway.model.calls == []


async def test_a_change_that_nobody_heard_of_is_repeated(gateway: Gateway) -> None:
    gateway.publisher.down.add("usage")
    async with gateway.client() as client:
        assert (await client.post(URL, json=BODY)).status_code == 503
        gateway.publisher.down.clear()
        assert (await client.put(URL, json=BODY)).json()["revision"] == 2
    assert [one.revision for one in gateway.publisher.of(TenantChangedV1)] == [2]


async def test_a_users_own_limit_is_named(gateway: Gateway) -> None:
    async with gateway.client() as client:
        made = await client.post(URL, json={"user_limits": {"tokens_day": 10}})
        assert made.json()["user_limits"]["tokens_day"] == 10
        refused = await client.post("/v1/chat", json={"question": "What?"})
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (402, "budget_reached")
        assert (problem["whose"], problem["limit"]) == ("user", 10)
        assert problem["detail"].startswith("Your own limit of 10 tokens")
    [told] = gateway.publisher.of(TenantChangedV1)
    assert told.user_limits.tokens_day == 10


# -- rates


async def test_too_many_requests_are_refused_before_anything_is_sent(gateway: Gateway) -> None:
    gateway.ledger.limit("acme", requests_minute=1)
    gateway.rates.waits_s["tenant"] = 7.2
    async with gateway.client() as client:
        answer = await client.post("/v1/chat", json={"question": "What?"})
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert answer.headers["Retry-After"] == "8"
        assert (await client.get("/v1/documents")).status_code == 429
    assert gateway.requester.asked == []
    assert gateway.ledger.holds == {}


async def test_without_a_limit_no_rate_is_looked_up(gateway: Gateway) -> None:
    async with gateway.client() as client:
        await client.get("/v1/usage")
    assert gateway.rates.asked == []


async def test_each_token_has_a_rate_of_its_own() -> None:
    async with open_gateway(token_requests_minute=5) as gateway:
        gateway.ledger.kept["acme"] = (1, TenantSettings())
        for _ in range(2):
            async with gateway.client() as client:
                await client.get("/v1/usage")
    one, other = gateway.rates.asked
    assert list(one.values()) == [5]
    assert one.keys() != other.keys()
