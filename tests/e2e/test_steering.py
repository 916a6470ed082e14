"""Documents that failed are retried, and work is cancelled, over HTTP."""

import asyncio
from typing import Any

from compose.local.system import System
from shared.testing.probe import until
from tests.e2e.person import Person
from tests.e2e.test_entrances import drop, offer


async def steer(person: Person, document_id: str, verb: str) -> tuple[int, dict[str, Any]]:
    answer = await person.http.post(f"/v1/documents/{document_id}/{verb}")
    shown: dict[str, Any] = answer.json()
    return answer.status_code, shown


async def named(person: Person, name: str) -> dict[str, Any]:
    """The document of this name, when the list has it."""

    async def found() -> dict[str, Any] | None:
        listed = (await person.http.get("/v1/documents", params={"query": name})).json()
        return next(iter(listed["documents"]), None)

    document: dict[str, Any] = await until(found, 30, 0.1)
    return document


async def test_a_rejected_document_is_retried_until_it_is_found(
    system: System, person: Person
) -> None:
    key = f"uploads/{person.tenant}/late/late.md"
    body = {"tenant": person.tenant, "name": "late.md", "key": key}
    await asyncio.to_thread(offer, system, body)
    document_id = (await named(person, "late"))["document_id"]
    rejected = await person.until_final(document_id)
    assert (rejected["status"], rejected["error"]["code"]) == ("rejected", "missing")
    await asyncio.to_thread(drop, system, key, b"# Tides\n\nThe Wexford tide turns at noon.")
    status, shown = await steer(person, document_id, "retry")
    assert (status, shown["attempts"], shown["error"]) == (202, 0, None)
    ready = await person.until_final(document_id)
    assert ready["status"] == "ready"
    assert ready["stages"].keys() == {"waiting", "parsing", "embedding", "indexing"}
    assert ready["trace_id"]
    assert (await person.search("Wexford tide"))["hits"][0]["document_id"] == document_id
    status, refused = await steer(person, document_id, "cancel")
    assert (status, refused["code"]) == (409, "not_possible")
    assert (await steer(person, document_id, "reindex"))[0] == 202
    assert (await person.until_final(document_id))["status"] == "ready"


async def test_cancelled_work_stops_and_a_retry_goes_on(system: System, person: Person) -> None:
    await system.kill("bedrock")
    try:
        document_id = await person.upload("long.md", b"# Moss\n\nThe Wexford moss is green.")
        await named(person, "long")
        status, shown = await steer(person, document_id, "cancel")
        assert (status, shown["status"], shown["error"]["code"]) == (202, "failed", "cancelled")
    finally:
        await system.restart("bedrock")
    await system.ready()
    failed = (await person.http.get("/v1/documents", params={"state": "failed"})).json()
    assert [one["document_id"] for one in failed["documents"]] == [document_id]
    assert (await steer(person, document_id, "retry"))[0] == 202
    assert (await person.until_final(document_id))["status"] == "ready"
