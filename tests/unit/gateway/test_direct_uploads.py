"""POST /v1/uploads over fakes: offered at once, awaited, and checked like any other upload."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.ingestion.document import document_id
from contracts.ingestion.documents import IngestDocumentV2, StoredObject
from services.gateway.settings import GatewaySettings
from tests.unit.gateway.fakes import Gateway

BODY = {"name": "maps/atlas.pdf", "size": 70_000_000}
LIMIT = GatewaySettings.model_fields["direct_upload_limit_bytes"].default


async def ask(gateway: Gateway, **fields: Any) -> Any:
    async with gateway.client() as client:
        return await client.post("/v1/uploads", json=BODY | fields)


async def test_the_file_is_awaited_under_the_tenants_own_key(gateway: Gateway) -> None:
    labels = {"tags": ["maps"], "metadata": {"year": 2026}, "visibility": ["group:law"]}
    response = await ask(gateway, **labels, chunking="parents")
    assert response.status_code == 200
    granted = response.json()
    identity = document_id("acme", "maps/atlas.pdf")
    assert (granted["document_id"], granted["name"]) == (identity, "maps/atlas.pdf")
    assert granted["url"] == "http://s3/carrier"
    key = granted["fields"]["key"]
    assert key.startswith("uploads/acme/")
    assert key.endswith("/maps/atlas.pdf")
    assert granted["fields"]["policy"] == "70000000 900"
    [sent] = gateway.publisher.on("ingestion-documents")
    assert isinstance(sent, IngestDocumentV2)
    assert isinstance(sent.source, StoredObject)
    assert sent.source.key == key
    assert sent.source.awaited_until is not None
    left = sent.source.awaited_until - datetime.now(UTC)
    assert timedelta(seconds=1700) < left <= timedelta(seconds=1800)
    assert (sent.tags, sent.metadata, sent.chunking) == (("maps",), {"year": 2026}, "parents")
    assert (sent.media_type, sent.visibility) == ("application/pdf", ("group:law",))
    note = gateway.notes.notes["acme", identity]
    assert IngestDocumentV2.model_validate(note.offer).source == sent.source


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"name": "a.exe"}, 415, "pdf"),
        ({"name": ".."}, 422, "needs a name"),
        ({"size": LIMIT + 1}, 422, f"{LIMIT:,} bytes"),
        ({"size": 0}, 422, "size"),
        ({"tags": ["t" * 65]}, 422, "tags"),
        ({"metadata": {"a": {"b": 1}}}, 422, "metadata"),
        ({"visibility": ["law"]}, 422, "visibility"),
        ({"visibility": []}, 422, "visibility"),
        ({"chunking": "lines"}, 422, "structure"),
    ],
)
async def test_what_cannot_be_taken_in_gets_no_grant(
    gateway: Gateway, fields: dict[str, Any], status: int, says: str
) -> None:
    response = await ask(gateway, **fields)
    assert response.status_code == status
    assert says in response.text
    assert gateway.publisher.sent == []
