"""Auth, problems, search, health, the page and the OpenAPI document."""

import asyncio
import re
from typing import Any

import pytest

from contracts.platform.replies import PingV1, PongV1
from contracts.retrieval.passages import PassageAnsweredV1, PassageRequestedV1
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.models.principal import SCOPES
from services.gateway.services.readiness import Readiness
from shared.errors import DeadlineMissed, RequestRefused, Unavailable
from shared.testing.fakes import FakeRequester
from shared.testing.probe import until
from tests.unit.gateway.fakes import Gateway

NEEDS = [
    ("POST", "/v1/chat", "chat"),
    ("POST", "/v1/search", "search"),
    ("GET", "/v1/graph?entity=x", "search"),
    ("GET", "/v1/passages/x", "search"),
    ("GET", "/v1/documents", "documents:read"),
    ("GET", "/v1/documents/x", "documents:read"),
    ("POST", "/v1/documents", "documents:write"),
    ("DELETE", "/v1/documents/x", "documents:write"),
    ("PATCH", "/v1/documents/x", "documents:write"),
    ("GET", "/v1/documents/x/versions", "documents:read"),
    ("POST", "/v1/documents/x/versions/1/restore", "documents:write"),
    ("GET", "/v1/documents/x/content", "documents:read"),
    ("GET", "/v1/documents/x/text", "documents:read"),
    ("POST", "/v1/turns/x/feedback", "chat"),
    ("POST", "/v1/judgements", "admin"),
]


@pytest.mark.parametrize(("method", "path", "scope"), NEEDS)
async def test_each_call_needs_its_scope(
    gateway: Gateway, method: str, path: str, scope: str
) -> None:
    async with gateway.client(scopes=frozenset(SCOPES) - {scope}) as client:
        json = {"question": "q", "query": "q"} if method == "POST" else None
        response = await client.request(method, path, json=json)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert scope in response.json()["detail"]


@pytest.mark.parametrize(("method", "path", "_scope"), NEEDS)
@pytest.mark.parametrize("authorization", [None, "Bearer nonsense", "Basic YTpi", "Bearer"])
async def test_without_a_good_token_nothing_is_told(
    gateway: Gateway, method: str, path: str, _scope: str, authorization: str | None
) -> None:
    async with gateway.client() as client:
        del client.headers["Authorization"]
        headers = {"Authorization": authorization} if authorization else {}
        response = await client.request(method, path, headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_search_shows_what_it_found_and_asks_for_the_principal(gateway: Gateway) -> None:
    body = {"query": "allowance", "limit": 3, "filter": {"tag": "a"}, "legs": ["bm25"]}
    async with gateway.client(groups=("law",)) as client:
        found = (await client.post("/v1/search", json=body)).json()
    assert [hit["document_id"] for hit in found["hits"]] == ["doc-1", "doc-2"]
    assert found["legs"] == {"bm25": "applied", "dense": "applied"}
    assert set(found["hits"][0]["explain"]) >= {"bm25", "dense", "graph", "fused", "rerank"}
    [asked] = gateway.requester.of(SearchRequestedV1)
    assert asked.visible_to == ("user:ann", "group:law")
    assert (asked.limit, asked.filter, asked.legs) == (3, {"tag": "a"}, ("bm25",))
    assert gateway.requester.asked[0][2].tenant == "acme"


PASSAGE = PassageAnsweredV1(
    passage_id="doc-1:2:0",
    document_id="doc-1",
    name="a.md",
    ordinal=2,
    title="Travel",
    text="The allowance is 40 euros.",
    start=0,
    end=26,
)


async def test_a_passage_is_shown_to_whom_may_see_it(gateway: Gateway) -> None:
    gateway.requester.answers[PassageRequestedV1] = PASSAGE
    async with gateway.client(groups=("law",)) as client:
        shown = (await client.get("/v1/passages/doc-1:2:0")).json()
    assert shown == {
        "passage_id": "doc-1:2:0",
        "document_id": "doc-1",
        "name": "a.md",
        "title": "Travel",
        "text": "The allowance is 40 euros.",
        "page": None,
        "start": 0,
        "end": 26,
        "version": 2,
    }
    asked = PassageRequestedV1(passage_id="doc-1:2:0", visible_to=("user:ann", "group:law"))
    assert gateway.requester.of(PassageRequestedV1) == [asked]


async def test_a_passage_that_is_not_there_is_404_in_the_same_words(gateway: Gateway) -> None:
    answers = set()
    for why in ("gone", "foreign"):
        gateway.requester.answers[PassageRequestedV1] = RequestRefused("not_found", why)
        async with gateway.client() as client:
            response = await client.get("/v1/passages/doc-1:1:0")
        answers.add((response.status_code, response.text))
    [(status, text)] = answers
    assert status == 404
    assert "gone" not in text


@pytest.mark.parametrize(
    ("trouble", "status", "code"),
    [
        (RequestRefused("invalid_filter", "unknown field 'x'"), 422, "invalid_filter"),
        (RequestRefused("invalid_query", "too long"), 422, "invalid_query"),
        (RequestRefused("invalid_request", "no such page"), 422, "invalid_request"),
        (RequestRefused("not_found", "gone"), 404, "not_found"),
        (RequestRefused("unavailable", "opensearch"), 503, "unavailable"),
        (RequestRefused("internal", "secret"), 500, "internal"),
        (DeadlineMissed("retrieval-queries", 1), 503, "unavailable"),
        (Unavailable("sqs"), 503, "unavailable"),
        (ValueError("secret"), 500, "internal"),
    ],
)
async def test_a_search_that_cannot_be_answered(
    gateway: Gateway, trouble: Any, status: int, code: str
) -> None:
    gateway.requester.answers[SearchRequestedV1] = trouble
    async with gateway.client() as client:
        response = await client.post("/v1/search", json={"query": "q"})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert "secret" not in response.text
    assert ("retry-after" in response.headers) == (status == 503)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"query": ""}, "query"),
        ({"query": "q", "limit": 101}, "limit"),
        ({"query": "q", "legs": ["smell"]}, "legs.0"),
        ({"query": "q", "visible_to": ["user:bob"]}, "visible_to"),
        ({"query": "q", "weights": {"bm25": 2}}, "weights.bm25"),
    ],
)
async def test_a_bad_search_names_its_field(
    gateway: Gateway, body: dict[str, Any], field: str
) -> None:
    async with gateway.client() as client:
        response = await client.post("/v1/search", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (DeadlineMissed("retrieval-queries", 1), "Search is not available now."),
        (Unavailable("sqs"), "A part of this system is not available now."),
        (RequestRefused("unavailable", "opensearch"), "A part of this system is"),
    ],
)
async def test_an_outage_is_told_in_a_persons_words(
    gateway: Gateway, trouble: Exception, says: str
) -> None:
    gateway.requester.answers[SearchRequestedV1] = trouble
    async with gateway.client() as client:
        response = await client.post("/v1/search", json={"query": "q"})
    assert response.json()["detail"].startswith(says)
    assert not re.search("queries|sqs|opensearch", response.text)


async def test_what_is_not_json_and_what_is_too_much_is_a_problem(gateway: Gateway) -> None:
    headers = {"Content-Type": "application/json"}
    async with gateway.client() as client:
        broken = await client.post("/v1/chat", content=b"{", headers=headers)
        huge = await client.post("/v1/chat", content=b" " * 300_000, headers=headers)
        missing = await client.get("/v1/nothing")
        wrong = await client.put("/v1/chat")
    assert (broken.status_code, broken.json()["code"]) == (422, "invalid_request")
    assert (huge.status_code, huge.json()["code"]) == (413, "too_large")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")


async def test_a_crowd_that_asks_for_readiness_costs_one_round(gateway: Gateway) -> None:
    async with gateway.client() as client:
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))
        answers.append(await client.get("/readyz"))
    assert {answer.status_code for answer in answers} == {200}
    assert len(gateway.requester.of(PingV1)) == 4


async def test_health_and_readiness(gateway: Gateway) -> None:
    async with gateway.client() as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        ready = await client.get("/readyz")
        assert ready.status_code == 200
        assert set(ready.json()["services"]) == {
            *("gateway", "retrieval", "memory", "ingestion", "finetune_export")
        }


async def test_a_silent_service_is_named(gateway: Gateway) -> None:
    gateway.requester.answers[PingV1] = DeadlineMissed("x", 1)
    async with gateway.client() as client:
        silent = await client.get("/readyz")
    assert silent.status_code == 503
    assert silent.json()["services"]["memory"] == "no answer"
    assert silent.json()["services"]["gateway"] == "ok"


async def test_readiness_includes_the_gateways_own_store(gateway: Gateway) -> None:
    gateway.sessions.down = True
    async with gateway.client() as client:
        ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["services"]["gateway"]) == (503, "no answer")


async def test_the_page_is_served_with_a_strict_policy(gateway: Gateway) -> None:
    async with gateway.client() as client:
        page = await client.get("/")
        script = await client.get("/page/app.js")
        again = await client.get("/", headers={"If-None-Match": page.headers["etag"]})
        outside = await client.get("/page/..%2Fsettings.py")
    assert "<title>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert script.headers["content-type"].startswith("text/javascript")
    assert (again.status_code, again.content) == (304, b"")
    assert outside.status_code == 404


async def test_the_page_loads_nothing_from_elsewhere(gateway: Gateway) -> None:
    async with gateway.client() as client:
        page = (await client.get("/")).text
    assert "http://" not in page
    assert "https://" not in page
    assert "<script>" not in page
    assert "style=" not in page


async def test_the_docs_need_no_other_host(gateway: Gateway) -> None:
    async with gateway.client() as client:
        page = await client.get("/docs")
        assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        files = [await client.get(asset) for asset in assets]
        missing = await client.get("/docs/..%2Fcore.py")
    assert page.status_code == 200
    assert "//" not in page.text
    assert {asset.rpartition(".")[2] for asset in assets} == {"js", "css", "png"}
    assert [file.status_code for file in files] == [200] * len(assets)
    policies = {answer.headers["content-security-policy"] for answer in (page, *files)}
    [policy] = policies
    assert "default-src 'none'; script-src 'self' 'sha256-" in policy
    assert "http" not in policy
    assert missing.status_code == 404


async def test_openapi_tells_of_everything(gateway: Gateway) -> None:
    async with gateway.client() as client:
        document = (await client.get("/openapi.json")).json()
    for method, path, _ in NEEDS:
        keys = {"passages": "passage_id", "turns": "turn_id"}
        key = keys.get(path.split("/")[2], "document_id")
        named = path.split("?")[0].replace("/x", f"/{{{key}}}").replace("/1", "/{version}")
        call = document["paths"][named][method.lower()]
        assert call["security"] == [{"token": []}]
        assert {"401", "403", "500"} <= call["responses"].keys()
        assert "application/problem+json" in call["responses"]["401"]["content"]
    upload = document["paths"]["/v1/documents"]["post"]["requestBody"]["content"]
    assert "multipart/form-data" in upload
    schemas = document["components"]["schemas"]
    assert {"Problem", "MetaEvent", "SourceView", "UsageEvent"} <= schemas.keys()
    assert "HTTPValidationError" not in schemas
    assert "HTTPValidationError" not in str(document)


async def test_an_answer_about_readiness_grows_old() -> None:
    asked = 0

    async def ping() -> None:
        nonlocal asked
        asked += 1

    readiness = Readiness(FakeRequester({PingV1: PongV1(service="any")}), ping, 100, fresh_s=0.02)
    for wanted in (1, 2, 3):

        async def enough(wanted: int = wanted) -> bool:
            await readiness.ask()
            return asked >= wanted

        await until(enough, every_s=0.005)
    assert asked == 3
