"""/v1/exports: training sets are asked for and shown by admins of a tenant alone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.finetune_export.exports import (
    ExportAnsweredV1,
    ExportRequestedV1,
    ExportShape,
    ExportsListedV1,
    GetExportV1,
    ListExportsV1,
)
from shared.errors import RequestRefused
from tests.unit.gateway.fakes import Gateway

AT = datetime(2026, 1, 1, tzinfo=UTC)
BODY = {"format": "sagemaker-chat", "base_model": "m"}
SHAPE = ExportShape(
    export_id="ab12",
    status="accepted",
    format="sagemaker-chat",
    base_model="m",
    seed=0,
    until=AT,
    accepted_at=AT,
)


async def call(gateway: Gateway, method: str, path: str, **options: Any) -> Any:
    scopes = options.pop("scopes", ("admin",))
    async with gateway.client(scopes=scopes) as client:
        return await client.request(method, path, **options)


async def test_an_export_is_asked_for_and_shown(gateway: Gateway) -> None:
    gateway.requester.answers |= {
        ExportRequestedV1: ExportAnsweredV1(export=SHAPE),
        GetExportV1: ExportAnsweredV1(export=SHAPE),
        ListExportsV1: ExportsListedV1(exports=(SHAPE,)),
    }
    accepted = await call(gateway, "POST", "/v1/exports", json=BODY | {"seed": 3})
    assert accepted.status_code == 202
    assert (accepted.json()["export_id"], accepted.json()["status"]) == ("ab12", "accepted")
    [wanted] = gateway.requester.of(ExportRequestedV1)
    assert (wanted.format, wanted.base_model, wanted.seed) == ("sagemaker-chat", "m", 3)
    assert (wanted.until.second, wanted.until.microsecond) == (0, 0)
    _, _, context = gateway.requester.asked[-1]
    assert context.tenant == "acme"
    shown = await call(gateway, "GET", "/v1/exports/ab12")
    assert shown.json() == accepted.json()
    listed = await call(gateway, "GET", "/v1/exports")
    assert [one["export_id"] for one in listed.json()["exports"]] == ["ab12"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/exports"), ("GET", "/v1/exports")])
async def test_who_is_no_admin_may_not(gateway: Gateway, method: str, path: str) -> None:
    response = await call(gateway, method, path, json=BODY, scopes=("chat",))
    assert response.status_code == 403
    assert gateway.requester.asked == []


async def test_what_finetune_export_refuses_is_said(gateway: Gateway) -> None:
    gateway.requester.answers |= {
        ExportRequestedV1: RequestRefused("invalid_request", "'m' does not take this format"),
        GetExportV1: RequestRefused("not_found", "There is no such export."),
    }
    refused = await call(gateway, "POST", "/v1/exports", json=BODY)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert "does not take" in refused.json()["detail"]
    assert (await call(gateway, "GET", "/v1/exports/ff")).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, BODY | {"seed": -1}, BODY | {"filter": {"until": "2026-01-01T00:00:00"}}]
)
async def test_a_bad_request_is_refused(gateway: Gateway, body: dict[str, Any]) -> None:
    assert (await call(gateway, "POST", "/v1/exports", json=body)).status_code == 422
