"""PATCH, versions, content and text of a document, over fakes."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.ingestion.document import document_id
from contracts.ingestion.queries import DocumentStateV1, DocumentSummary
from contracts.ingestion.versions import (
    ContentAnsweredV1,
    ContentRequestedV1,
    DescribeDocumentV1,
    ListVersionsV1,
    RestoreVersionV1,
    TextAnsweredV1,
    TextChunk,
    TextRequestedV1,
    VersionsListedV1,
    VersionSummary,
)
from services.gateway.http.downloads import FileResponse, disposition, single_range
from shared.errors import RequestRefused
from shared.testing.fakes import FakeBlobs
from tests.unit.gateway.fakes import Gateway

ID = document_id("acme", "a.md")
PATH = f"/v1/documents/{ID}"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "uploads/acme/1/a.md"
MANAGER = frozenset({"documents:read", "documents:write"})


def a_state(**fields: Any) -> DocumentStateV1:
    known = {"document_id": ID, "name": "a.md", "ordinal": 2, "status": "accepted"}
    times = {"created_at": NOW, "updated_at": NOW}
    return DocumentStateV1(document=DocumentSummary.model_validate(known | times | fields))


async def call(gateway: Gateway, method: str, path: str, **request: Any) -> Any:
    principal = request.pop("principal", {})
    async with gateway.client(**principal) as client:
        return await client.request(method, PATH + path, **request)


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ({}, ()),
        ({"tags": []}, ("tags",)),
        ({"tags": ["a", "b"], "visibility": None}, ("tags", "visibility")),
        ({"metadata": {"year": 2026, "draft": False}}, ("metadata",)),
        ({"visibility": ["group:law", "user:ann"]}, ("visibility",)),
    ],
)
async def test_a_change_names_the_fields_that_are_given(
    gateway: Gateway, body: dict[str, Any], changed: tuple[str, ...]
) -> None:
    gateway.requester.answers[DescribeDocumentV1] = a_state(tags=("x",), visibility=("user:ann",))
    response = await call(gateway, "PATCH", "", json=body)
    assert response.status_code == 200
    shown = response.json()
    assert (shown["version"], shown["status"], shown["tags"]) == (2, "accepted", ["x"])
    assert shown["visibility"] == ["user:ann"]
    [asked] = gateway.requester.of(DescribeDocumentV1)
    assert asked.changed == changed
    for field, value in body.items():
        assert asked.model_dump(mode="json")[field] == value
    assert asked.visible_to is None, "an admin manages every document"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tags": None}, "tags"),
        ({"tags": "a"}, "tags"),
        ({"tags": [""]}, "tags.0"),
        ({"tags": ["t" * 65]}, "tags.0"),
        ({"tags": ["t"] * 33}, "tags"),
        ({"tags": ["a\0"]}, "tags.0"),
        ({"metadata": None}, "metadata"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": {"b": 1}}}, "metadata.a.int"),
        ({"metadata": {str(n): n for n in range(33)}}, "metadata"),
        ({"visibility": []}, "visibility"),
        ({"visibility": ["law"]}, "visibility.0"),
        ({"visibility": ["user:"]}, "visibility.0"),
        ({"visibility": "user:ann"}, "visibility"),
        ({"name": "b.md"}, "name"),
    ],
)
async def test_a_bad_change_is_refused_at_the_door(
    gateway: Gateway, body: dict[str, Any], field: str
) -> None:
    response = await call(gateway, "PATCH", "", json=body)
    assert response.status_code == 422
    assert field in [one["field"] for one in response.json()["errors"]]
    assert gateway.requester.asked == []


async def test_nobody_but_an_admin_takes_a_document_from_himself(gateway: Gateway) -> None:
    gateway.requester.answers[DescribeDocumentV1] = a_state()
    ann = {"user": "ann", "groups": ("law",), "scopes": MANAGER}
    for readers, status in ((["user:bob"], 422), (["group:law"], 200), (["user:ann"], 200)):
        change = {"json": {"visibility": readers}, "principal": ann}
        response = await call(gateway, "PATCH", "", **change)
        assert response.status_code == status, response.text
        if status == 422:
            assert "user:ann" in response.json()["detail"]
    assert [one.visible_to for one in gateway.requester.of(DescribeDocumentV1)] == [
        ("user:ann", "group:law")
    ] * 2
    response = await call(gateway, "PATCH", "", json={"visibility": ["user:bob"]})
    assert response.status_code == 200


async def test_a_change_names_the_upload_that_it_must_follow(gateway: Gateway) -> None:
    async with gateway.client() as client:
        await client.post("/v1/documents", files={"file": ("a.md", b"# Title")})
    message_id = gateway.notes.notes["acme", ID].message_id
    gateway.requester.answers[DescribeDocumentV1] = RequestRefused("not_found", "no")
    response = await call(gateway, "PATCH", "", json={"tags": ["x"]})
    assert (response.status_code, response.json()["code"]) == (409, "not_possible")
    assert "on its way" in response.json()["detail"]
    assert gateway.requester.of(DescribeDocumentV1)[0].accepted_id == message_id
    response = await call(gateway, "PATCH", "", json={"tags": ["x"]}, principal={"user": "bob"})
    assert response.status_code == 409, "an admin"


async def test_the_versions_are_listed(gateway: Gateway) -> None:
    summaries = (
        VersionSummary(ordinal=2, status="ready", current=True, kept=True, created_at=NOW),
        VersionSummary(ordinal=1, status="superseded", created_at=NOW, drawn_from=None),
    )
    listed = VersionsListedV1(name="a.md", versions=summaries)
    gateway.requester.answers[ListVersionsV1] = listed
    response = await call(gateway, "GET", "/versions")
    assert response.status_code == 200
    first, second = response.json()["versions"]
    assert (first["version"], first["current"], first["name"]) == (2, True, "a.md")
    assert (second["version"], second["status"], second["kept"]) == (1, "superseded", False)


async def test_a_restore_is_accepted(gateway: Gateway) -> None:
    gateway.requester.answers[RestoreVersionV1] = a_state(ordinal=3)
    response = await call(gateway, "POST", "/versions/1/restore")
    assert (response.status_code, response.json()["version"]) == (202, 3)
    [asked] = gateway.requester.of(RestoreVersionV1)
    assert (asked.document_id, asked.ordinal) == (ID, 1)


CALLS = [
    ("PATCH", "", DescribeDocumentV1, {"json": {"tags": ["x"]}}),
    ("GET", "/versions", ListVersionsV1, {}),
    ("POST", "/versions/1/restore", RestoreVersionV1, {}),
    ("GET", "/content", ContentRequestedV1, {}),
    ("GET", "/text?version=1", TextRequestedV1, {}),
]


@pytest.mark.parametrize(("method", "path", "kind", "request_"), CALLS)
@pytest.mark.parametrize(("code", "status"), [("not_found", 404), ("not_possible", 409)])
async def test_what_ingestion_refuses_is_told_with_its_words(
    gateway: Gateway,
    method: str,
    path: str,
    kind: Any,
    request_: dict[str, Any],
    code: str,
    status: int,
) -> None:
    gateway.requester.answers[kind] = RequestRefused(code, "Because.")
    response = await call(gateway, method, path, **request_)
    assert (response.status_code, response.json()["code"]) == (status, code)
    if status == 409:
        assert response.json()["detail"] == "Because."


@pytest.mark.parametrize(
    "path", ["/versions/0/restore", "/versions/x/restore", f"/versions/{2**31}/restore"]
)
async def test_a_version_is_a_number(gateway: Gateway, path: str) -> None:
    assert (await call(gateway, "POST", path)).status_code == 422
    assert gateway.requester.asked == []


async def test_the_text_comes_in_chunks_for_those_who_may_see_it(gateway: Gateway) -> None:
    chunk = TextChunk(passage_id=f"{ID}:2:0", text="Words.", start=0, end=6, page=3)
    answer = TextAnsweredV1(name="a.md", ordinal=2, media_type="text/markdown", chunks=(chunk,))
    gateway.requester.answers[TextRequestedV1] = answer
    response = await call(gateway, "GET", "/text", params={"version": 2})
    assert response.status_code == 200
    shown = response.json()
    assert (shown["document_id"], shown["version"], shown["name"]) == (ID, 2, "a.md")
    assert (shown["chunks"][0]["text"], shown["chunks"][0]["page"]) == ("Words.", 3)
    [asked] = gateway.requester.of(TextRequestedV1)
    assert (asked.ordinal, asked.visible_to) == (2, ("user:ann",)), "also an admin"


def the_file(gateway: Gateway, body: bytes, name: str = "a.md", **fields: Any) -> None:
    gateway.blobs.objects[KEY] = body
    known = {"name": name, "ordinal": 1, "media_type": "text/markdown", "key": KEY}
    gateway.requester.answers[ContentRequestedV1] = ContentAnsweredV1.model_validate(known | fields)


async def test_the_file_is_streamed_to_be_saved_and_never_run(gateway: Gateway) -> None:
    body = bytes(range(256)) * 100
    the_file(gateway, body, 'reports/Måling "x".md')
    response = await call(gateway, "GET", "/content")
    assert (response.status_code, response.content) == (200, body)
    headers = response.headers
    assert headers["content-type"] == "text/markdown"
    assert headers["content-length"] == str(len(body))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert headers["content-disposition"] == (
        "attachment; filename=\"M_ling _x_.md\"; filename*=UTF-8''M%C3%A5ling%20%22x%22.md"
    )
    assert gateway.blobs.open == 0
    [asked] = gateway.requester.of(ContentRequestedV1)
    assert asked.visible_to == ("user:ann",)


async def test_a_text_that_came_in_a_message_is_a_file_too(gateway: Gateway) -> None:
    the_file(gateway, b"", key=None, text="Grüße")
    response = await call(gateway, "GET", "/content")
    assert response.content == "Grüße".encode()
    assert response.headers["content-type"] == "text/markdown; charset=utf-8"


@pytest.mark.parametrize(
    ("wanted", "status", "told", "body"),
    [
        ("bytes=2-4", 206, "bytes 2-4/10", b"234"),
        ("bytes=8-99", 206, "bytes 8-9/10", b"89"),
        ("bytes=99-100", 200, None, b"0123456789"),
        ("bytes=0-1,4-5", 200, None, b"0123456789"),
        ("lines=1-2", 200, None, b"0123456789"),
    ],
)
async def test_one_range_of_the_file_may_be_asked_for(
    gateway: Gateway, wanted: str, status: int, told: str | None, body: bytes
) -> None:
    the_file(gateway, b"0123456789")
    response = await call(gateway, "GET", "/content", headers={"Range": wanted})
    assert (response.status_code, response.content) == (status, body)
    assert response.headers.get("content-range") == told


@pytest.mark.parametrize("etag", [None, "of another object"])
async def test_a_file_that_is_gone_or_replaced_is_not_possible(
    gateway: Gateway, etag: str | None
) -> None:
    the_file(gateway, b"newer", etag=etag)
    if etag is None:
        gateway.blobs.objects.clear()
    response = await call(gateway, "GET", "/content")
    assert (response.status_code, response.json()["code"]) == (409, "not_possible")


async def test_an_outage_of_the_files_is_told(gateway: Gateway) -> None:
    the_file(gateway, b"x")
    gateway.blobs.faults.left = 1
    response = await call(gateway, "GET", "/content")
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert "The file is not available" in response.json()["detail"]
    assert gateway.blobs.faults.fired == 1


async def test_a_file_that_breaks_off_stays_short_and_is_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its head is sent, so that only the missing end can tell."""
    blobs = FakeBlobs({KEY: b"x" * 5000})
    download = await blobs.get_stream(KEY)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        blobs.faults.left = int(len(sent) == 2)

    async def receive() -> Any:
        await asyncio.Event().wait()

    await FileResponse("a.md", "text/plain", download)({"type": "http"}, receive, send)
    assert sum(len(message.get("body", b"")) for message in sent) == 1000
    assert all(message.get("more_body") for message in sent[1:])
    assert blobs.faults.fired == 1
    assert "download_broken" in caplog.messages
    assert blobs.open == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        ("x/y/a b.txt", "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt"),
        ('"\\%;.txt', "attachment; filename=\"____.txt\"; filename*=UTF-8''%22%5C%25%3B.txt"),
        ("日本.pdf", "attachment; filename=\"__.pdf\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.pdf"),
    ],
)
def test_a_name_stands_in_the_header_as_rfc_6266_says(name: str, told: str) -> None:
    assert disposition(name) == told
    told.encode("latin-1")


@pytest.mark.parametrize("header", [None, "", "bytes", "bytes=-", "bytes=a-b", "bytes=1-2,3-4"])
def test_other_ranges_are_passed_over(header: str | None) -> None:
    assert single_range(header) is None
