"""Versions of a document over HTTP, on the embedded stores and on the real ones."""

from typing import Any

import httpx

from compose.local.minting import mint_token
from compose.local.system import System
from shared.testing.probe import until
from tests.e2e.person import Person
from tests.e2e.test_changes import editions, handbook, load


async def until_version(person: Person, document_id: str, version: int) -> dict[str, Any]:
    async def ready() -> dict[str, Any] | None:
        shown = await person.document(document_id)
        return shown if (shown["status"], shown["version"]) == ("ready", version) else None

    found: dict[str, Any] = await until(ready, 60, 0.1)
    return found


async def finds(person: Person, document_id: str) -> bool:
    hits = (await person.search("Which Kestrel pump is checked?"))["hits"]
    return any(hit["document_id"] == document_id for hit in hits)


async def test_a_changed_visibility_hides_the_passages_from_the_others(
    either: System, someone: Person
) -> None:
    secret = either.layout.secrets().token_secret
    async with Person.at(
        either.url, mint_token(secret, someone.tenant, "bob"), someone.tenant
    ) as bob:
        document_id = await someone.upload("handbook.md", handbook(1))
        await until_version(someone, document_id, 1)
        assert await finds(bob, document_id)
        path = f"/v1/documents/{document_id}"
        answer = await someone.http.patch(path, json={"visibility": ["user:ann"], "tags": ["own"]})
        assert answer.status_code == httpx.codes.OK, answer.text
        assert (answer.json()["visibility"], answer.json()["tags"]) == (["user:ann"], ["own"])

        async def hidden() -> bool:
            return not await finds(bob, document_id)

        await until(hidden, 30, 0.1)
        await until_version(someone, document_id, 2)
        assert await finds(someone, document_id)
        for rest in ("/text", "/content", "/text?version=1", "/content?version=1"):
            assert (await bob.http.get(path + rest)).status_code == httpx.codes.NOT_FOUND, rest
            assert (await someone.http.get(path + rest)).status_code == httpx.codes.OK, rest


async def test_a_restored_version_is_found_and_no_search_holds_two(someone: Person) -> None:
    document_id = await someone.upload("handbook.md", handbook(1))
    await until_version(someone, document_id, 1)
    await someone.upload("handbook.md", handbook(2))
    await until_version(someone, document_id, 2)
    path = f"/v1/documents/{document_id}"
    seen: list[set[str]] = []
    async with load(someone, lambda found: seen.append(editions(found))):
        await until(lambda: seen[-1:] == [{"2"}], 30, 0.02)
        answer = await someone.http.post(f"{path}/versions/1/restore")
        assert (answer.status_code, answer.json()["version"]) == (httpx.codes.ACCEPTED, 3)
        await until(lambda: seen[-1:] == [{"1"}], 60, 0.02)
        await until_version(someone, document_id, 3)
        after = len(seen)
        answer = await someone.http.patch(path, json={"metadata": {"year": 2026}})
        assert answer.json()["metadata"] == {"year": 2026}
        await until_version(someone, document_id, 4)
        await until(lambda: len(seen) > after + 5, 30, 0.02)
    assert {len(one) for one in seen} == {1}  # never two, and never none
    assert all(one == {"1"} for one in seen[after:])
    versions = (await someone.http.get(f"{path}/versions")).json()["versions"]
    assert [(one["version"], one["current"], one["drawn_from"]) for one in versions] == [
        (4, True, 3),
        (3, False, 1),
        (2, False, None),
        (1, False, None),
    ]
    for query, edition in (("", 1), ("?version=2", 2), ("?version=3", 1)):
        content = await someone.http.get(f"{path}/content{query}")
        assert content.content == handbook(edition)
        assert content.headers["content-disposition"].startswith("attachment; filename=")
        text = (await someone.http.get(f"{path}/text{query}")).json()
        assert f"Edition {edition} says" in " ".join(one["text"] for one in text["chunks"])
    part = await someone.http.get(f"{path}/content", headers={"Range": "bytes=2-13"})
    assert (part.status_code, part.content) == (206, handbook(1)[2:14])


async def test_nothing_of_it_is_another_tenants(either: System, someone: Person) -> None:
    document_id = await someone.upload("handbook.md", handbook(1))
    await until_version(someone, document_id, 1)
    path = f"/v1/documents/{document_id}"
    secret = either.layout.secrets().token_secret
    other = f"{someone.tenant}-other"
    async with Person.at(either.url, mint_token(secret, other, "ann"), other) as stranger:
        answers = [
            await stranger.http.patch(path, json={"tags": ["x"]}),
            await stranger.http.post(f"{path}/versions/1/restore"),
            *[await stranger.http.get(path + rest) for rest in ("/versions", "/content", "/text")],
        ]
    bodies = {answer.text for answer in answers}
    assert {answer.status_code for answer in answers} == {404}
    assert len(bodies) == 1
    assert (await someone.document(document_id))["version"] == 1
