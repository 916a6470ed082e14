"""Bad input gets a clear answer that says what to do."""

import asyncio
import json

import httpx
import pytest

from compose.local.minting import mint_token
from compose.local.system import System
from contracts.topology import QUEUES
from services.gateway.settings import GatewaySettings
from shared.testing.probe import until
from tests.e2e.looking import dead_letters
from tests.e2e.person import Person
from tests.e2e.test_entrances import send

LIMIT = GatewaySettings.model_fields["upload_limit_bytes"].default


def problem(answer: httpx.Response, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == code
    return str(body["detail"])


async def test_an_unknown_kind_is_415_with_the_known_ones(person: Person) -> None:
    answer = await person.http.post("/v1/documents", files={"file": ("a.exe", b"MZ")})
    assert "pdf" in problem(answer, 415, "unsupported_media_type")


async def test_too_large_is_413_with_the_limit(person: Person) -> None:
    body = b"x" * (LIMIT + 1)
    answer = await person.http.post("/v1/documents", files={"file": ("a.txt", body)})
    assert f"{LIMIT:,}" in problem(answer, 413, "too_large")


@pytest.mark.parametrize(
    ("name", "body"),
    [("empty.txt", b""), ("blank.md", b" \n \n"), ("broken.pdf", b"%PDF-1.4 no more")],
)
async def test_an_empty_or_unreadable_file_is_rejected_with_the_reason(
    person: Person, name: str, body: bytes
) -> None:
    answer = await person.http.post("/v1/documents", files={"file": (name, body)})
    if answer.status_code == httpx.codes.ACCEPTED:
        shown = await person.until_final(answer.json()["document_id"])
        assert shown["status"] == "rejected"
        assert shown["error"]["message"]
    else:
        problem(answer, 422, "empty")


async def test_no_token_a_bad_one_and_a_missing_scope(system: System, person: Person) -> None:
    async with httpx.AsyncClient(base_url=system.url, trust_env=False) as nobody:
        problem(await nobody.get("/v1/documents"), 401, "unauthorized")
        bad = {"Authorization": "Bearer nonsense"}
        problem(await nobody.get("/v1/documents", headers=bad), 401, "unauthorized")
    secret = system.layout.secrets().token_secret
    foreign = {"Authorization": f"Bearer {mint_token(secret[::-1], person.tenant)}"}
    async with httpx.AsyncClient(base_url=system.url, trust_env=False) as nobody:
        problem(await nobody.get("/v1/documents", headers=foreign), 401, "unauthorized")


async def test_another_tenants_document_is_404(system: System, person: Person) -> None:
    document_id = await person.upload("mine.txt", b"Only for my tenant.")
    await person.until_final(document_id)
    token = mint_token(system.layout.secrets().token_secret, "strangers", "eve")
    async with Person.at(system.url, token, "strangers") as eve:
        problem(await eve.http.get(f"/v1/documents/{document_id}"), 404, "not_found")
        problem(await eve.http.delete(f"/v1/documents/{document_id}"), 404, "not_found")
        assert (await eve.search("Only for my tenant"))["hits"] == []
    assert (await person.document(document_id))["status"] == "ready"


@pytest.mark.parametrize("question", ["", "   ", "x" * 4001])
async def test_an_empty_or_over_long_question_is_422(person: Person, question: str) -> None:
    answer = await person.http.post("/v1/chat", json={"question": question})
    assert "question" in answer.text
    problem(answer, 422, "invalid_request")


@pytest.mark.parametrize("query", ["the of and", "?!…", "\x00\x07", "什么是灯", "x" * 4000])
async def test_no_query_is_an_internal_error(person: Person, query: str) -> None:
    answer = await person.http.post("/v1/search", json={"query": query})
    assert answer.status_code in (200, 422), answer.text


@pytest.mark.parametrize("queue", list(QUEUES))
async def test_nonsense_on_any_queue_is_a_dead_letter_and_the_worker_goes_on(
    system: System, queue: str
) -> None:
    bodies = ["not json", json.dumps({"id": "1", "type": "Nonsense", "version": 1, "data": {}})]
    for body in bodies:
        await asyncio.to_thread(send, system, queue, body)

    async def reasons() -> list[str]:
        letters = await asyncio.to_thread(dead_letters, system, queue)
        found = [letter.reason for letter in letters if letter.body in bodies]
        return found if len(found) >= len(bodies) else []

    assert "not JSON" in await until(reasons, 30, 0.3)
    await system.ready()
