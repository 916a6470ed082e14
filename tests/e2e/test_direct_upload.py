"""A file that goes to S3 directly: awaited, taken in when it is there, no larger than said."""

import asyncio
from typing import Any

import httpx

from compose.local.system import System
from contracts.topology import CARRIER_BUCKET
from shared.testing.probe import until
from tests.e2e.person import Person
from tests.e2e.test_entrances import listed

TEXT = b"# Owls\n\nThe snowy owl hunts by day."


async def grant(person: Person, name: str, size: int, **more: Any) -> dict[str, Any]:
    answer = await person.http.post("/v1/uploads", json={"name": name, "size": size, **more})
    assert answer.status_code == httpx.codes.OK, answer.text
    granted: dict[str, Any] = answer.json()
    return granted


async def put(granted: dict[str, Any], body: bytes) -> httpx.Response:
    """As a browser's form does: without any credentials of ours."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as anyone:
        return await anyone.post(
            granted["url"], data=granted["fields"], files={"file": ("x", body)}
        )


async def test_a_direct_upload_is_accepted_at_once_and_ready_when_it_came(person: Person) -> None:
    granted = await grant(person, "birds/owls.md", len(TEXT), tags=["birds"])
    # A worker has it for a moment at each look.
    waiting = (await person.document(granted["document_id"]))["status"]
    assert waiting in ("accepted", "parsing")

    async def is_listed() -> bool:
        return "birds/owls.md" in await listed(person)

    await until(is_listed, 30, 0.2)
    assert (await put(granted, TEXT)).is_success
    ended = await person.until_final(granted["document_id"])
    assert (ended["status"], ended["tags"]) == ("ready", ["birds"])
    assert len((await person.search("snowy owl"))["hits"]) == 1


async def test_s3_refuses_what_is_larger_than_said_or_lies_elsewhere(person: Person) -> None:
    granted = await grant(person, "small.md", 10)
    assert (await put(granted, TEXT)).status_code == httpx.codes.BAD_REQUEST
    elsewhere = {"key": "uploads/someone-else/small.md"}
    moved = granted | {"fields": granted["fields"] | elsewhere}
    assert (await put(moved, b"x")).is_client_error


async def test_a_drop_brings_its_tags_and_metadata(system: System, person: Person) -> None:
    def drop() -> None:
        s3 = system.client("s3")
        key = f"inbox/{person.tenant}/rules/horns.md"
        said = {"tags": "sea,law", "year": "2026"}
        s3.put_object(Bucket=CARRIER_BUCKET, Key=key, Body=b"No horns at night.", Metadata=said)
        s3.close()

    await asyncio.to_thread(drop)

    async def ready() -> list[dict[str, Any]]:
        documents = (await person.http.get("/v1/documents")).json()["documents"]
        return [one for one in documents if one["status"] == "ready"]

    [document] = await until(ready, within_s=60, every_s=0.2)
    assert document["name"] == "rules/horns.md"
    assert (document["tags"], document["metadata"]) == (["sea", "law"], {"year": 2026})
