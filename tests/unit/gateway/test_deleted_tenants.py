"""A tenant is deleted over HTTP, its receipt, and a new tenant of the same name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.envelope import Context
from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1
from contracts.ingestion.events import DocumentDeletedV1
from contracts.ingestion.proof import DocumentPurgedV1
from contracts.platform.usage import ModelUsedV2, TenantChangedV1
from services.gateway.models.principal import SCOPES
from services.gateway.models.tenant import NAME_TAKEN
from shared.outcomes import Done
from shared.testing.probe import until
from tests.unit.gateway.fakes import Gateway, a_token, open_gateway
from tests.unit.gateway.test_conversations import AT, Steered, erasures_of

URL = "/v1/admin/tenants/acme"
OTHERS = ("finetune_export", "ingestion", "memory", "retrieval")
OPERATOR: dict[str, Any] = {"tenant": "operators", "scopes": frozenset({"platform"})}


async def heard(gateway: Gateway, message: Any, tenant: str = "acme", **fields: Any) -> None:
    handler = gateway.service.handlers["gateway-events"][type(message)]
    assert await handler(message, Context(tenant=tenant, **fields)) == Done()


async def done(
    gateway: Gateway, erasure_id: str, round: int, *services: str, tenant: str = "acme"
) -> None:
    for service in services:
        told = ErasureDoneV1(
            erasure_id=erasure_id, service=service, round=round, removed={"things": 2}
        )
        await heard(gateway, told, tenant)


async def test_a_deleted_tenant_is_closed_and_its_receipt_counts() -> None:
    clock = Steered()
    async with open_gateway(clock=clock, erasure_check_s=60) as gateway:
        gateway.ledger.limit("acme", usd_day=5)
        await gateway.ask("Trains?", conversation_id="c1")
        await until(lambda: gateway.sessions.turns)

        async def go_on() -> None:
            clock.at += timedelta(seconds=61)
            await erasures_of(gateway).check()

        async with gateway.client(**OPERATOR) as operator:
            begun = await operator.delete(URL)
            assert begun.status_code == 202
            erasure_id = begun.json()["erasure_id"]
            assert (await operator.delete(URL)).json() == begun.json()
            assert gateway.publisher.of(TenantChangedV1)[-1].suspended
            assert (gateway.sessions.turns, gateway.ledger.kept) == ({}, {})
            assert (await operator.post(URL, json={})).json()["code"] == "not_possible"
            await done(gateway, erasure_id, 1, *OTHERS[1:])
            # Somebody else's word counts for nothing.
            await done(gateway, erasure_id, 1, OTHERS[0], tenant="rival")
            await go_on()
            await done(gateway, erasure_id, 1, OTHERS[0])
            for number in (2, 3):
                await go_on()
                shown = (await operator.get(f"/v1/erasures/{erasure_id}")).json()
                assert shown["complete"] is False
                await done(gateway, erasure_id, number, *OTHERS)
            shown = (await operator.get(f"/v1/erasures/{erasure_id}")).json()
            assert (shown["complete"], shown["waiting_for"]) == (True, [])
            assert shown["removed"]["ingestion"] == {"things": 6}
            assert shown["removed"]["gateway"]["sessions"] == 1
        told = gateway.publisher.of(TenantDeletedV1)
        assert [one.round for one in told] == [1, 1, 2, 3]
        assert [one.until for one in told] == [AT + timedelta(seconds=61 * n) for n in range(4)]
        await go_on()
        assert "acme" not in str(gateway.receipts.erasures)
        assert gateway.receipts.dues == {}
        async with gateway.client() as ann:
            refused = await ann.get("/v1/usage")
            assert (refused.status_code, refused.json()["code"]) == (403, "tenant_deleted")
        async with gateway.client(**OPERATOR) as operator:
            assert (await operator.delete(URL)).status_code == 404


async def a_deleted_tenant(gateway: Gateway) -> None:
    gateway.ledger.limit("acme", usd_day=5)
    async with gateway.client(**OPERATOR) as operator:
        erasure_id = (await operator.delete(URL)).json()["erasure_id"]
    for number in (1, 2, 3):
        await done(gateway, erasure_id, number, *OTHERS)
        gateway.receipts.dues = dict.fromkeys(gateway.receipts.dues, AT)
        await erasures_of(gateway).check()


async def test_a_tenant_of_the_same_name_begins_anew() -> None:
    used = ModelUsedV2(
        service="memory",
        purpose="remember",
        model="m",
        calls=1,
        input_tokens=9,
        output_tokens=0,
        cost_usd=0,
    )
    before, clock = a_token(), Steered()
    clock.at = datetime.now(UTC)
    async with open_gateway(clock=clock) as gateway:
        await a_deleted_tenant(gateway)
        [*_, last] = gateway.publisher.of(TenantDeletedV1)
        late: dict[str, Any] = {
            "causation_id": "e1",
            "occurred_at": last.until,
            "sent_at": last.until,
        }
        await heard(gateway, used, **late)
        assert gateway.ledger.counted == {}
        async with gateway.client(**OPERATOR) as operator:
            refused = await operator.post(URL, json={"limits": {"usd_day": 7}})
            assert (refused.status_code, refused.json()["code"]) == (409, "not_possible")
            clock.at += NAME_TAKEN
            made = await operator.post(URL, json={"limits": {"usd_day": 7}})
            assert (made.status_code, made.json()["revision"]) == (201, 1)
            changed = await operator.put(URL, json={"limits": {"usd_day": 8}})
            assert changed.status_code == 200
        async with gateway.client(token=before) as ann:
            assert (await ann.get("/v1/usage")).status_code == 401
        await heard(gateway, used, **late)
        assert gateway.ledger.counted == {}
        own: dict[str, Any] = late | {"occurred_at": last.until + timedelta(seconds=1)}
        await heard(gateway, used, **own)
        assert len(gateway.ledger.counted) == 1


async def test_a_documents_deletion_is_confirmed_also_when_its_tenant_is_deleted() -> None:
    async with open_gateway() as gateway:
        deleted = DocumentDeletedV1(document_id="d1", ordinal=2)
        await heard(gateway, deleted, causation_id="e1")
        assert gateway.sessions.cuts == [("acme", "d1", 2)]
        await a_deleted_tenant(gateway)
        await heard(gateway, deleted, causation_id="e1", occurred_at=AT)
        assert len(gateway.sessions.cuts) == 1
        purged = gateway.publisher.of(DocumentPurgedV1)
        assert [(one.service, one.ordinal) for one in purged] == [("gateway", 2)] * 2


@pytest.mark.parametrize("scopes", [{"admin"}, SCOPES.keys() - {"platform"}])
async def test_nobody_else_may(gateway: Gateway, scopes: set[str]) -> None:
    gateway.ledger.limit("acme", usd_day=5)
    async with gateway.client(tenant="operators", scopes=frozenset(scopes)) as client:
        assert (await client.delete(URL)).status_code == 403
    async with gateway.client() as own:
        refused = await own.delete(URL)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_possible")
    assert gateway.ledger.deletions == {}
