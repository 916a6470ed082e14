"""What no store can hold is refused at the door, by field; no value of any parameter is a 500."""

import json
import math
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from contracts.ingestion.queries import (
    DocumentsListedV1,
    GetDocumentV1,
    ListDocumentsV1,
)
from contracts.ingestion.versions import (
    ContentRequestedV1,
    DescribeDocumentV1,
    ListVersionsV1,
    TextRequestedV1,
)
from contracts.retrieval.graph import GraphRequestedV1
from contracts.retrieval.passages import PassageRequestedV1
from shared.errors import RequestRefused
from tests.unit.gateway.fakes import SECRET, Gateway, a_neighbourhood, a_token

NASTY: list[Any] = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "a\udfffb",
    "\ufeff\u202e\u200b",
    "\U000e0041",
    "../../etc/passwd",
    "%00",
    "x" * 100_000,
    "9999-99-99T00:00:00Z",
    "99999-01-01",
    "NaN",
    float("nan"),
    float("inf"),
    -float("inf"),
    1e308,
    -1,
    0,
    2**63,
    10**400,
    True,
    None,
    [],
    {},
    [[]],
    {"\0": 1},
    {"a": {"\ud800": "b"}},
    {"field": "tags", "eq": "\0"},
    {"field": "metadata.n", "range": {"gte": float("nan")}},
    ["\0"],
    json.loads("[" * 900 + "]" * 900),
    json.loads('{"not":' * 400 + "1" + "}" * 400),
]
GETS = [
    "/v1/documents?limit={}",
    "/v1/documents?after={}",
    "/v1/documents/{}",
    "/v1/documents/{}/versions",
    "/v1/documents/{}/content",
    "/v1/documents/{}/text",
    "/v1/documents/x/content?version={}",
    "/v1/documents/x/text?version={}",
    "/v1/passages/{}",
    "/v1/graph?entity={}",
    "/v1/graph?entity=x&limit={}",
    "/page/{}",
    "/docs/{}",
]
BODIES = [
    ("/v1/documents/x", {"tags": ["t"]}, ("tags", "metadata", "visibility", "\ud800")),
    ("/v1/chat", {"question": "q"}, ("question", "conversation_id", "model", "\ud800")),
    (
        "/v1/judgements",
        {"question": "q", "answer": "a"},
        ("question", "answer", "expected", "sources", "\ud800"),
    ),
    (
        "/v1/search",
        {"query": "q"},
        ("query", "limit", "filter", "legs", "fusion", "weights", "join_tokens"),
    ),
]
FILE = {"file": ("a.md", b"# Title", "text/markdown")}


def wire(gateway: Gateway) -> None:
    gateway.requester.answers[ListDocumentsV1] = DocumentsListedV1(documents=())
    gateway.requester.answers[GetDocumentV1] = RequestRefused("not_found", "no")
    for kind in (DescribeDocumentV1, ListVersionsV1, ContentRequestedV1, TextRequestedV1):
        gateway.requester.answers[kind] = RequestRefused("not_found", "no")
    gateway.requester.answers[PassageRequestedV1] = RequestRefused("not_found", "no")
    gateway.requester.answers[GraphRequestedV1] = a_neighbourhood()


def as_path(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text.encode(errors="surrogatepass")[:8000], safe="")


@pytest.mark.parametrize("path", GETS)
async def test_no_value_in_an_address_is_a_500(gateway: Gateway, path: str) -> None:
    wire(gateway)
    async with gateway.client() as client:
        for value in NASTY:
            response = await client.get(path.format(as_path(value)))
            assert response.status_code < 500, (value, response.text)
        if path.endswith("documents/{}"):
            for value in NASTY:
                gone = await client.delete(path.format(as_path(value)))
                assert gone.status_code in (307, 404, 405, 422, 503), (value, gone.text)


@pytest.mark.parametrize(("path", "body", "fields"), BODIES)
async def test_no_value_in_a_body_is_a_500(
    gateway: Gateway, path: str, body: dict[str, Any], fields: tuple[str, ...]
) -> None:
    wire(gateway)
    headers = {"Content-Type": "application/json"}
    method = "PATCH" if "documents" in path else "POST"
    async with gateway.client() as client:
        for value in [*NASTY, {"weights": {"bm25": float("nan")}}, {"metadata": {"a": math.inf}}]:
            for field in fields:
                sent = json.dumps(body | {field: value})
                response = await client.request(method, path, content=sent, headers=headers)
                assert response.status_code < 500, (field, value, response.text)
            sent = json.dumps(value)
            response = await client.request(method, path, content=sent, headers=headers)
            assert response.status_code < 500, (value, response.text)
        for text in (b"[" * 200_000, b"\xff\xfe", b'{"query": 1e999}', b"", b"1" * 5000):
            response = await client.request(method, path, content=text, headers=headers)
            assert 400 <= response.status_code < 500, (text[:20], response.text)


@pytest.mark.parametrize("field", ["tags", "metadata", "visibility", "other", "\0"])
async def test_no_value_in_a_form_is_a_500(gateway: Gateway, field: str) -> None:
    async with gateway.client() as client:
        for value in NASTY:
            text = value if isinstance(value, str) else json.dumps(value)
            for shown in (text, json.dumps({"a": value}), json.dumps([value])):
                raw = shown.encode(errors="surrogatepass")
                form = {field: (None, raw)} | FILE
                response = await client.post("/v1/documents", files=form)
                assert response.status_code < 500, (field, shown[:50], response.text)


@pytest.mark.parametrize(
    ("path", "sent", "field"),
    [
        ("/v1/chat", '{"question": "q", "\\ud800": 1}', "\ufffd"),
        ("/v1/search", '{"query": "q", "filter": {"field": "tags", "eq": "\\ud800"}}', "filter.eq"),
        (
            "/v1/search",
            '{"query": "q", "filter": {"field": "metadata.n", "range": {"gte": NaN}}}',
            "filter.range.gte",
        ),
        ("/v1/search", '{"query": "q", "filter": {"a": {"b": [1e999]}}}', "filter.a.b.0"),
    ],
)
async def test_a_body_that_no_store_can_hold_names_its_field(
    gateway: Gateway, path: str, sent: str, field: str
) -> None:
    headers = {"Content-Type": "application/json"}
    async with gateway.client() as client:
        response = await client.post(path, content=sent, headers=headers)
    assert response.status_code == 422
    assert field in [one["field"] for one in response.json()["errors"]]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"metadata": '{"x": NaN}'}, "metadata.x"),
        ({"metadata": '{"x": -Infinity}'}, "metadata.x"),
        ({"metadata": '{"x": 1e999}'}, "metadata.x"),
        ({"metadata": '{"x": "\\u0000"}'}, "metadata.x"),
        ({"metadata": '{"\\ud800": 1}'}, "metadata.\ufffd"),
        ({"tags": "a\0b"}, "tags.0"),
        ({"visibility": '["user:\\ud800"]'}, "visibility.0"),
        ({"visibility": '["user:a\\u0000"]'}, "visibility.0"),
        ({"metadata": "[" * 60_000}, "metadata"),
    ],
)
async def test_a_form_that_no_store_can_hold_names_its_field(
    gateway: Gateway, data: dict[str, str], field: str
) -> None:
    async with gateway.client() as client:
        response = await client.post("/v1/documents", data=data, files=FILE)
    assert response.status_code == 422
    assert [one["field"] for one in response.json()["errors"]] == [field]
    assert gateway.publisher.sent == []


async def test_a_cursor_with_nul_and_an_id_with_nul_are_422(gateway: Gateway) -> None:
    async with gateway.client() as client:
        for path in ("documents?after=%00", "documents/a%00", "passages/%00", "graph?entity=a%00"):
            assert (await client.get(f"/v1/{path}")).status_code == 422, path
    assert gateway.requester.asked == []


async def test_a_user_with_control_characters_is_nobody(gateway: Gateway) -> None:
    claims = jwt.decode(a_token(), options={"verify_signature": False})
    for spoilt in ({"sub": "a\0"}, {"groups": ["a\n"]}, {"sub": "\ud800"}):
        token = jwt.encode(claims | spoilt, SECRET, algorithm="HS256")
        async with gateway.client(token) as client:
            assert (await client.get("/v1/documents")).status_code == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat", '{"question": "a\\u0000b"}'),
        ("/v1/chat", '{"question": "\\ud800"}'),
        ("/v1/search", '{"query": "\\u0000"}'),
        ("/v1/search", '{"query": "a\\udfffb"}'),
    ],
)
async def test_any_text_may_be_asked_for(gateway: Gateway, path: str, body: str) -> None:
    async with gateway.client() as client:
        response = await client.post(
            path, content=body, headers={"Content-Type": "application/json"}
        )
    assert response.status_code == 200, response.text
