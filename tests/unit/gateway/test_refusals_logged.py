"""Every 4xx and 5xx leaves a log line and a count, without anything that a client wrote."""

import json
import logging
from typing import Any

import pytest

from contracts.platform.replies import PingV1
from contracts.retrieval.search import SearchRequestedV1
from shared.errors import DeadlineMissed, RequestRefused
from shared.observability import configure_metrics, flush_metrics
from tests.unit.gateway.fakes import Gateway

SECRET = "canary-7f3a"


@pytest.mark.parametrize(
    ("request_", "route", "status", "code"),
    [
        (("GET", f"/v1/{SECRET}", {}), "unknown", 404, "not_found"),
        (("PUT", "/v1/chat", {}), "/v1/chat", 405, "method_not_allowed"),
        (("POST", "/v1/chat", {"json": {"qestion": SECRET}}), "/v1/chat", 422, "invalid_request"),
        (("POST", "/v1/chat", {"content": SECRET}), "/v1/chat", 422, "invalid_request"),
        (("POST", "/v1/chat", {"content": b" " * 300_000}), "/v1/chat", 413, "too_large"),
        (
            ("GET", f"/v1/documents/{SECRET}", {}),
            "/v1/documents/{document_id}",
            503,
            "unavailable",
        ),
        (("POST", "/v1/search", {"json": {"query": SECRET}}), "/v1/search", 422, "invalid_filter"),
        (("POST", "/v1/documents", {"json": {}}), "/v1/documents", 422, "invalid_request"),
        (("GET", "/readyz", {}), "/readyz", 503, "unavailable"),
        (("GET", f"/docs/{SECRET}", {}), "unknown", 404, "not_found"),
    ],
)
async def test_a_refusal_is_logged_and_counted(
    gateway: Gateway,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    request_: tuple[str, str, dict[str, Any]],
    route: str,
    status: int,
    code: str,
) -> None:
    gateway.requester.answers[PingV1] = DeadlineMissed("x", 1)
    gateway.requester.answers[SearchRequestedV1] = RequestRefused("invalid_filter", SECRET)
    method, path, more = request_
    flush_metrics()
    capsys.readouterr()
    configure_metrics("gateway", "RagOps")
    with caplog.at_level(logging.INFO, "services.gateway"):
        async with gateway.client() as client:
            headers = {"Content-Type": "application/json"} if "content" in more else {}
            response = await client.request(method, path, headers=headers, **more)
    flush_metrics()
    assert response.status_code == status
    [line] = [record for record in caplog.records if record.message == "request_refused"]
    fields = line.__dict__["fields"]
    told = {key: fields[key] for key in ("method", "route", "status", "code")}
    assert told == {"method": method, "route": route, "status": status, "code": code}
    assert fields["ms"] >= 0
    assert SECRET not in str(fields)
    lines = [json.loads(one) for one in capsys.readouterr().out.splitlines() if "_aws" in one]
    [counted] = [one for one in lines if "HttpErrors" in one]
    assert (counted["route"], counted["status"], counted["HttpErrors"]) == (
        route,
        str(status),
        [1],
    )


async def test_a_fault_of_ours_is_logged_too(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.requester.answers[SearchRequestedV1] = ValueError(SECRET)
    async with gateway.client() as client:
        response = await client.post("/v1/search", json={"query": "q"})
    assert response.status_code == 500
    [line] = [record for record in caplog.records if record.message == "request_refused"]
    assert line.__dict__["fields"]["code"] == "internal"


async def test_what_is_served_leaves_no_line(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with gateway.client() as client:
            assert (await client.post("/v1/search", json={"query": "q"})).status_code == 200
    assert [one for one in caplog.records if one.message == "request_refused"] == []
