"""/v1/documents over fakes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.ingestion.document import document_id
from contracts.ingestion.documents import (
    COPY_MAX,
    DeleteDocumentV1,
    IngestDocumentV2,
    StoredObject,
)
from contracts.ingestion.media_types import KNOWN
from contracts.ingestion.proof import CertificateV1, GetCertificateV1, PlacePurged
from contracts.ingestion.queries import (
    DocumentsListedV1,
    DocumentStateV1,
    DocumentSummary,
    GetDocumentV1,
    ListDocumentsV1,
)
from shared.errors import DeadlineMissed, RequestRefused
from tests.unit.gateway.fakes import Gateway, open_gateway

ID = document_id("acme", "a.md")
FILE = {"file": ("a.md", b"# Title", "text/markdown")}


def a_state(status: str = "ready", taken_in: bool = True, **fields: Any) -> DocumentStateV1:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    known = {"document_id": ID, "name": "a.md", "ordinal": 1, "created_at": now, "updated_at": now}
    summary = DocumentSummary.model_validate(known | {"status": status} | fields)
    return DocumentStateV1(document=summary, taken_in=taken_in)


async def upload(gateway: Gateway, **request: Any) -> Any:
    async with gateway.client() as client:
        return await client.post("/v1/documents", **{"files": FILE} | request)


async def show(gateway: Gateway) -> Any:
    async with gateway.client() as client:
        return await client.get(f"/v1/documents/{ID}")


async def test_an_upload_is_stored_sent_and_noted(gateway: Gateway) -> None:
    metadata = '{"year": 2026, "draft": false}'
    response = await upload(gateway, data={"tags": ["a, b", "c"], "metadata": metadata})
    assert response.status_code == 202
    assert response.json() == {"document_id": ID, "name": "a.md", "status": "accepted"}
    [(key, body)] = gateway.blobs.objects.items()
    assert key.startswith("uploads/acme/")
    assert key.endswith("/a.md")
    assert body == b"# Title"
    [sent] = gateway.publisher.on("ingestion-documents")
    assert isinstance(sent, IngestDocumentV2)
    assert sent.source == StoredObject(key=key, text="# Title")
    assert (sent.tags, sent.metadata) == (("a", "b", "c"), {"year": 2026, "draft": False})
    assert gateway.notes.notes["acme", ID].message_id == gateway.publisher.sent[0].id


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("# Größe\n".encode(), "# Größe\n"),
        (b"x" * COPY_MAX, "x" * COPY_MAX),
        (b"x" * (COPY_MAX + 1), None),
        (b"\xff\xfe", None),
        (b"a\0b", None),
    ],
)
async def test_a_short_text_goes_with_its_message(
    gateway: Gateway, body: bytes, text: str | None
) -> None:
    assert (await upload(gateway, files={"file": ("a.md", body)})).status_code == 202
    [sent] = gateway.publisher.on("ingestion-documents")
    assert isinstance(sent, IngestDocumentV2)
    assert isinstance(sent.source, StoredObject)
    assert sent.source.text == text
    assert gateway.blobs.objects[sent.source.key] == body
    assert gateway.notes.notes["acme", ID].offer["source"]["text"] is None


async def test_an_upload_may_say_how_it_is_cut(gateway: Gateway) -> None:
    assert (await upload(gateway, data={"chunking": "rows"})).status_code == 202
    [sent] = gateway.publisher.on("ingestion-documents")
    assert isinstance(sent, IngestDocumentV2)
    assert sent.chunking == "rows"


@pytest.mark.parametrize(
    ("data", "visibility"),
    [
        ({"visibility": '["user:ann", "group:law"]'}, ("user:ann", "group:law")),
        ({"visibility": " "}, None),
        ({}, None),
    ],
)
async def test_an_upload_may_be_limited_to_some(
    gateway: Gateway, data: dict[str, str], visibility: tuple[str, ...] | None
) -> None:
    assert (await upload(gateway, data=data)).status_code == 202
    [sent] = gateway.publisher.on("ingestion-documents")
    assert isinstance(sent, IngestDocumentV2)
    assert sent.visibility == visibility


@pytest.mark.parametrize(
    ("request_", "status", "code", "says"),
    [
        ({"files": {"file": ("a.exe", b"x")}}, 415, "unsupported_media_type", "pdf"),
        ({"files": {"file": ("noextension", b"x")}}, 415, "unsupported_media_type", "docx"),
        ({"files": {"other": ("a.md", b"x")}}, 422, "invalid_request", "file"),
        ({"files": None, "json": {}}, 422, "invalid_request", "multipart"),
        ({"files": None, "data": {"file": "text"}}, 422, "invalid_request", "multipart"),
        ({"files": [("file", ("a.md", b"x"))] * 2}, 422, "invalid_request", "Too many files"),
        ({"data": {"metadata": "{"}}, 422, "invalid_request", "metadata"),
        ({"data": {"metadata": "[1]"}}, 422, "invalid_request", "metadata"),
        ({"data": {"metadata": '{"a": {"b": 1}}'}}, 422, "invalid_request", "metadata.a"),
        ({"data": {"visibility": "group:law"}}, 422, "invalid_request", "visibility"),
        ({"data": {"visibility": "[]"}}, 422, "invalid_request", "visibility"),
        ({"data": {"visibility": "{}"}}, 422, "invalid_request", "visibility"),
        ({"data": {"visibility": '["law"]'}}, 422, "invalid_request", "visibility.0"),
        ({"data": {"visibility": '["user:"]'}}, 422, "invalid_request", "visibility.0"),
        ({"data": {"chunking": "lines"}}, 422, "invalid_request", "structure, fixed"),
        ({"data": {"tags": "t" * 65}}, 422, "invalid_request", "tags.0"),
        ({"data": {"tags": ",".join("abcdefgh" * 5)}}, 422, "invalid_request", "tags"),
        ({"files": {"file": ("..", b"x")}}, 422, "invalid_request", "needs a name"),
    ],
)
async def test_a_bad_upload_is_refused(
    gateway: Gateway, request_: dict[str, Any], status: int, code: str, says: str
) -> None:
    response = await upload(gateway, **request_)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert says in response.json()["detail"]
    assert gateway.blobs.objects == {}
    assert gateway.publisher.sent == []


HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n'
TAGS = b'--b\r\nContent-Disposition: form-data; name="tags"\r\n\r\n'
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(
    "body",
    [
        TAGS + b"x,y\r\n" + HEAD + b"# Ti\r\n--tle\r\n--b--\r\n",
        HEAD + b"# Ti\r\n--tle\r\n" + TAGS + b"x,y\r\n--b--\r\n",
    ],
)
async def test_fields_may_stand_before_and_after_the_file(
    gateway: Gateway, body: bytes, step: int
) -> None:
    async def drops() -> AsyncIterator[bytes]:
        for at in range(0, len(body), step):
            yield body[at : at + step]

    response = await upload(gateway, files=None, content=drops(), headers=FORM)
    assert response.status_code == 202
    assert list(gateway.blobs.objects.values()) == [b"# Ti\r\n--tle"]
    [sent] = gateway.publisher.on("ingestion-documents")
    assert sent.tags == ("x", "y")


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"# Title",
        HEAD + b"# Title\r\n" + TAGS + b"x",
        HEAD + b"# Title\r\n" + TAGS + b"x\0\r\n--b--\r\n",
        HEAD + b"# Title\r\n" + TAGS + b"\xff\r\n--b--\r\n",
        HEAD + b"# Title\r\n" + TAGS + b"x" * 70_000 + b"\r\n--b--\r\n",
        HEAD + b"# Title\r\n" + (TAGS + b"x\r\n") * 41 + b"--b--\r\n",
        b"no boundary at all",
        b"",
    ],
)
async def test_a_form_that_turns_out_wrong_leaves_nothing(gateway: Gateway, body: bytes) -> None:
    response = await upload(gateway, files=None, content=body, headers=FORM)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert gateway.blobs.objects == {}
    assert gateway.publisher.sent == []


async def test_a_file_goes_on_before_the_body_has_ended(gateway: Gateway) -> None:
    """At most some chunks are held at any time, however large the file is."""
    given, stored = 0, 0
    ahead: list[int] = []

    async def put_stream(_key: str, chunks: AsyncIterator[bytes]) -> None:
        nonlocal stored
        async for chunk in chunks:
            stored += len(chunk)
            ahead.append(given - stored)

    gateway.blobs.put_stream = put_stream  # type: ignore[method-assign,assignment]

    async def body() -> AsyncIterator[bytes]:
        nonlocal given
        yield HEAD
        for _ in range(100):
            given += 65_536
            yield b"x" * 65_536
        yield b"\r\n--b--\r\n"

    response = await upload(gateway, files=None, content=body(), headers=FORM)
    assert response.status_code == 202
    assert stored == 100 * 65_536
    assert max(ahead) <= 2 * 65_536


async def test_uploads_wait_for_their_turn_and_give_up_in_time() -> None:
    async with open_gateway(uploads_at_once=1, upload_wait_s=0.05) as gateway:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield HEAD
            begun.set()
            await go_on.wait()
            yield b"x\r\n--b--\r\n"

        first = asyncio.create_task(upload(gateway, files=None, content=slow(), headers=FORM))
        await begun.wait()
        second = await upload(gateway)
        assert (second.status_code, second.headers["retry-after"]) == (503, "2")
        assert "uploads" in second.json()["detail"]
        go_on.set()
        assert (await first).status_code == 202
        assert (await upload(gateway)).status_code == 202


async def test_a_queue_that_does_not_answer_is_503() -> None:
    async with open_gateway(call_s=0.05) as gateway:
        asked = asyncio.Event()

        async def never(*_: Any, **__: Any) -> str:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        gateway.publisher.send = never  # type: ignore[method-assign]
        response = await upload(gateway)
        assert asked.is_set()
        assert (response.status_code, response.json()["code"]) == (503, "unavailable")


async def test_all_known_kinds_are_listed_with_a_415(gateway: Gateway) -> None:
    response = await upload(gateway, files={"file": ("a.exe", b"x")})
    assert all(kind in response.json()["detail"] for kind in KNOWN)


async def test_an_upload_over_the_limit_is_refused_with_the_limit() -> None:
    async with open_gateway(upload_limit_bytes=1000) as gateway:
        response = await upload(gateway, files={"file": ("a.md", b"x" * 1001)})
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
        assert "1,000 bytes" in response.json()["detail"]
        assert gateway.blobs.objects == {}


async def test_an_endless_body_is_cut_off_while_it_streams() -> None:
    async with open_gateway(upload_limit_bytes=1000) as gateway:
        given = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal given
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n'
            while True:
                given += 65536
                assert given < 10_000_000
                yield b"x" * 65536

        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        response = await upload(gateway, files=None, content=endless(), headers=headers)
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
        assert response.headers["content-type"] == "application/problem+json"
        assert given < 1_000_000


async def test_an_empty_file_is_accepted_and_left_for_ingestion_to_reject(gateway: Gateway) -> None:
    assert (await upload(gateway, files={"file": ("a.md", b"")})).status_code == 202


async def test_an_upload_that_the_queue_does_not_confirm_is_not_accepted(gateway: Gateway) -> None:
    gateway.publisher.down = {"ingestion-documents"}
    response = await upload(gateway)
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert response.headers["retry-after"] == "2"
    assert gateway.notes.notes == {}


async def test_a_lost_note_does_not_lose_the_upload(gateway: Gateway) -> None:
    gateway.notes.down = True
    assert (await upload(gateway)).status_code == 202


async def test_the_status_is_ingestions_own(gateway: Gateway) -> None:
    error = {"code": "unreadable", "message": "The file is damaged."}
    gateway.requester.answers[GetDocumentV1] = a_state("rejected", error=error)
    document = (await show(gateway)).json()
    assert (document["status"], document["error"]) == ("rejected", error)
    assert document["counts"]["chunks"] == 0


@pytest.mark.parametrize(
    "answer",
    [
        RequestRefused("not_found", "no"),
        a_state("ready", taken_in=False),
        DeadlineMissed("ingestion-queries", 1),
    ],
)
async def test_a_noted_document_is_accepted_until_ingestion_knows_it(
    gateway: Gateway, answer: Any
) -> None:
    await upload(gateway)
    gateway.requester.answers[GetDocumentV1] = answer
    response = await show(gateway)
    assert (response.status_code, response.json()["status"]) == (200, "accepted")
    [asked] = gateway.requester.of(GetDocumentV1)
    assert asked.accepted_id == gateway.publisher.sent[0].id


@pytest.mark.parametrize(
    "answer", [RequestRefused("not_found", "no"), a_state("deleting"), a_state("deleted")]
)
async def test_what_is_not_there_is_404(gateway: Gateway, answer: Any) -> None:
    gateway.requester.answers[GetDocumentV1] = answer
    response = await show(gateway)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_silence_without_a_note_is_503(gateway: Gateway) -> None:
    response = await show(gateway)
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


async def test_documents_are_listed_in_pages(gateway: Gateway) -> None:
    gateway.requester.answers[ListDocumentsV1] = DocumentsListedV1(
        documents=(a_state().document,), next="more"
    )
    async with gateway.client() as client:
        listed = (await client.get("/v1/documents?limit=1&after=x")).json()
        refused = await client.get("/v1/documents?limit=0")
    assert ([d["name"] for d in listed["documents"]], listed["next"]) == (["a.md"], "more")
    assert gateway.requester.of(ListDocumentsV1) == [ListDocumentsV1(limit=1, after="x")]
    assert refused.json()["errors"][0]["field"] == "limit"


async def test_a_delete_is_confirmed_and_removes_the_note(gateway: Gateway) -> None:
    await upload(gateway)
    gateway.requester.answers[DeleteDocumentV1] = a_state("deleted")
    async with gateway.client() as client:
        response = await client.delete(f"/v1/documents/{ID}")
    assert (response.status_code, response.json()["status"]) == (202, "deleted")
    assert gateway.notes.notes == {}


async def test_a_delete_names_the_upload_that_it_may_have_overtaken(gateway: Gateway) -> None:
    await upload(gateway)
    gateway.requester.answers[GetDocumentV1] = RequestRefused("not_found", "no")
    gateway.requester.answers[DeleteDocumentV1] = a_state("deleted")
    async with gateway.client() as client:
        response = await client.delete(f"/v1/documents/{ID}")
        assert (response.status_code, response.json()["status"]) == (202, "deleted")
        assert (await client.get(f"/v1/documents/{ID}")).status_code == 404
    [asked] = gateway.requester.of(DeleteDocumentV1)
    assert asked.accepted_id == gateway.publisher.sent[0].id


async def test_a_delete_of_a_foreign_note_names_no_upload(gateway: Gateway) -> None:
    await upload(gateway, data={"visibility": '["user:ann"]'})
    gateway.requester.answers[DeleteDocumentV1] = RequestRefused("not_found", "no")
    scopes = frozenset({"documents:write"})
    async with gateway.client(user="bob", scopes=scopes) as client:
        assert (await client.delete(f"/v1/documents/{ID}")).status_code == 404
    [asked] = gateway.requester.of(DeleteDocumentV1)
    assert (asked.accepted_id, asked.visible_to) == (None, ("user:bob",))
    assert gateway.notes.notes


@pytest.mark.parametrize(
    ("scopes", "visible_to"),
    [
        (frozenset({"documents:write"}), ("user:ann", "group:law")),
        (frozenset({"documents:write", "admin"}), None),
    ],
)
async def test_an_upload_says_what_its_uploader_may_replace(
    gateway: Gateway, scopes: frozenset[str], visible_to: tuple[str, ...] | None
) -> None:
    async with gateway.client(scopes=scopes, groups=("law",)) as client:
        assert (await client.post("/v1/documents", files=FILE)).status_code == 202
    [sent] = gateway.publisher.on("ingestion-documents")
    assert sent.visible_to == visible_to


async def test_deleting_what_is_not_there_is_404(gateway: Gateway) -> None:
    gateway.requester.answers[DeleteDocumentV1] = RequestRefused("not_found", "no")
    async with gateway.client() as client:
        response = await client.delete(f"/v1/documents/{ID}")
    assert response.status_code == 404


async def test_who_is_no_admin_asks_only_for_what_they_may_see(gateway: Gateway) -> None:
    scopes = frozenset({"documents:read", "documents:write"})
    async with gateway.client(scopes=scopes, groups=("law",)) as client:
        await client.get("/v1/documents")
        await client.get("/v1/documents/d1")
        await client.delete("/v1/documents/d1")
    async with gateway.client() as admin:
        await admin.get("/v1/documents")
    *asked, by_admin = [message for _, message, _ in gateway.requester.asked]
    assert [m.model_dump()["visible_to"] for m in asked] == [("user:ann", "group:law")] * 3
    assert by_admin.model_dump()["visible_to"] is None


async def test_the_note_goes_once_ingestion_has_the_document(gateway: Gateway) -> None:
    async with gateway.client() as client:
        await client.post("/v1/documents", files={"file": ("a.md", b"# Title")})
        [(_, document_id)] = gateway.notes.notes
        gateway.requester.answers[GetDocumentV1] = a_state("parsing", taken_in=False)
        await client.get(f"/v1/documents/{document_id}")
        assert gateway.notes.notes
        gateway.requester.answers[GetDocumentV1] = a_state("parsing", taken_in=True)
        await client.get(f"/v1/documents/{document_id}")
    assert gateway.notes.notes == {}


async def test_a_certificate_is_asked_for_in_the_principals_name(gateway: Gateway) -> None:
    at = datetime(2026, 11, 2, 9, tzinfo=UTC)
    gateway.requester.answers[GetCertificateV1] = CertificateV1(
        document_id=ID,
        ordinal=1,
        deleted_at=at,
        deleted_by="bob",
        complete=False,
        places=(PlacePurged(service="retrieval", place="passages", removed=3, at=at),),
        missing=("ingestion",),
    )
    async with gateway.client(user="bob", scopes=frozenset({"documents:read"})) as client:
        shown = (await client.get(f"/v1/documents/{ID}/certificate")).json()
    assert shown == {
        "document_id": ID,
        "name": None,
        "deleted_at": "2026-11-02T09:00:00Z",
        "deleted_by": "bob",
        "complete": False,
        "places": [
            {
                "service": "retrieval",
                "place": "passages",
                "removed": 3,
                "at": "2026-11-02T09:00:00Z",
            }
        ],
        "missing": ["ingestion"],
    }
    [(_, asked, context)] = gateway.requester.asked
    assert asked == GetCertificateV1(document_id=ID, visible_to=("user:bob",))
    assert context.principal == "bob"


async def test_a_certificate_that_is_not_there_looks_like_a_document_that_is_not(
    gateway: Gateway,
) -> None:
    gateway.requester.answers[GetDocumentV1] = RequestRefused("not_found", "no")
    gateway.requester.answers[GetCertificateV1] = RequestRefused("not_found", "no")
    async with gateway.client() as client:
        answer = await client.get(f"/v1/documents/{ID}/certificate")
        other = await client.get(f"/v1/documents/{ID}")
    assert (answer.status_code, answer.json()) == (404, other.json())
