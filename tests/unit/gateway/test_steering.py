"""Retry, cancel and reindex, and the list's filters, over fakes."""

from typing import Any

import pytest

from contracts.ingestion.commands import CancelDocumentV1, ReindexDocumentV1, RetryDocumentV1
from contracts.ingestion.queries import DocumentsListedV1, GetDocumentV1, ListDocumentsV1
from shared.errors import RequestRefused
from tests.unit.gateway.fakes import Gateway
from tests.unit.gateway.test_documents import ID, a_state, upload

VERBS = {"retry": RetryDocumentV1, "cancel": CancelDocumentV1, "reindex": ReindexDocumentV1}


async def steer(gateway: Gateway, verb: str, **principal: Any) -> Any:
    async with gateway.client(**principal) as client:
        return await client.post(f"/v1/documents/{ID}/{verb}")


@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_is_answered_with_the_document(gateway: Gateway, verb: str) -> None:
    gateway.requester.answers[VERBS[verb]] = a_state("accepted", attempts=2)
    scopes = frozenset({"documents:write"})
    response = await steer(gateway, verb, scopes=scopes, groups=("law",))
    assert (response.status_code, response.json()["attempts"]) == (202, 2)
    [asked] = gateway.requester.of(VERBS[verb])
    assert asked.model_dump() == {"document_id": ID, "visible_to": ("user:ann", "group:law")}
    await steer(gateway, verb)
    assert gateway.requester.of(VERBS[verb])[1].model_dump()["visible_to"] is None


@pytest.mark.parametrize("verb", VERBS)
async def test_what_is_not_possible_is_409_with_words(gateway: Gateway, verb: str) -> None:
    gateway.requester.answers[VERBS[verb]] = RequestRefused("not_possible", "It is ready.")
    response = await steer(gateway, verb)
    assert response.status_code == 409
    assert (response.json()["code"], response.json()["detail"]) == ("not_possible", "It is ready.")


@pytest.mark.parametrize("verb", VERBS)
async def test_what_is_not_there_is_404_as_everywhere(gateway: Gateway, verb: str) -> None:
    refused = RequestRefused("not_found", "no")
    gateway.requester.answers |= {VERBS[verb]: refused, GetDocumentV1: refused}
    response = await steer(gateway, verb)
    async with gateway.client() as client:
        shown = await client.get(f"/v1/documents/{ID}")
    assert (response.status_code, response.json()) == (404, shown.json())


async def test_an_upload_that_is_not_taken_in_yet_cannot_be_steered(gateway: Gateway) -> None:
    await upload(gateway)
    gateway.requester.answers[CancelDocumentV1] = RequestRefused("not_found", "no")
    response = await steer(gateway, "cancel")
    assert response.status_code == 409
    assert "Try again" in response.json()["detail"]


async def test_a_reader_may_not_steer(gateway: Gateway) -> None:
    response = await steer(gateway, "retry", scopes=frozenset({"documents:read"}))
    assert response.status_code == 403
    assert gateway.requester.asked == []


async def test_the_list_is_narrowed(gateway: Gateway) -> None:
    gateway.requester.answers[ListDocumentsV1] = DocumentsListedV1(documents=())
    async with gateway.client() as client:
        chosen = {"state": "failed", "query": "scan", "tag": "x", "limit": "7", "after": "c"}
        assert (await client.get("/v1/documents", params=chosen)).status_code == 200
        assert (await client.get("/v1/documents", params={"state": "", "tag": ""})).is_success
        gateway.requester.answers[ListDocumentsV1] = RequestRefused("invalid_request", "No state.")
        unknown = await client.get("/v1/documents", params={"state": "nonsense"})
        long = await client.get("/v1/documents", params={"tag": "t" * 65})
    assert (unknown.status_code, long.status_code) == (422, 422)
    narrowed, every, _ = gateway.requester.of(ListDocumentsV1)
    assert (narrowed.state, narrowed.query, narrowed.tag) == ("failed", "scan", "x")
    assert (narrowed.limit, narrowed.after) == (7, "c")
    assert (every.state, every.query, every.tag) == (None, None, None)


async def test_a_document_shows_its_work(gateway: Gateway) -> None:
    stages = {"waiting": 0.1, "parsing": 0.2}
    more: dict[str, Any] = {
        "stages": stages,
        "progress": 0.25,
        "trace_id": "ab",
        "cost_usd": "0.0125",
    }
    gateway.requester.answers[GetDocumentV1] = a_state("embedding", attempts=2, **more)
    async with gateway.client() as client:
        shown = (await client.get(f"/v1/documents/{ID}")).json()
    assert {name: shown[name] for name in more} == more | {"cost_usd": 0.0125}
    assert shown["status"] == "embedding"
