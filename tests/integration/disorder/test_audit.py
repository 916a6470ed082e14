"""Each kind of damage, done by hand in each store: found, repaired, and gone at the second look."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import pytest

from contracts.envelope import Context, new_id
from contracts.ingestion.document import document_id
from contracts.ingestion.documents import DeleteDocumentV1, IngestDocumentV2, StoredObject
from contracts.ingestion.manifest import manifest_key
from contracts.ingestion.queries import DocumentStateV1, GetDocumentV1
from services.gateway.models.difference import Difference
from services.gateway.services.documents.auditing import Auditing
from services.retrieval.models.document import Version
from tests.integration.disorder.town import Parcel, Town
from tests.unit.retrieval.making import passages_of, version

TENANT = "acme"
NAMES = ("a.txt", "b.txt", "gone.txt")
CONTEXT = Context(tenant=TENANT)
A, B, GONE = (document_id(TENANT, name) for name in NAMES)
TEXT = b"Heron Gate closes at ten. Quillhaven Bridge opens then."


def original(name: str) -> str:
    return f"uploads/{TENANT}/1/{name}"


@pytest.fixture
async def filled(town: Town) -> Town:
    """Two documents that are ready, and one that was deleted."""
    for name in NAMES:
        await town.blobs.put(original(name), TEXT)
        message = IngestDocumentV2(name=name, source=StoredObject(key=original(name)))
        await town.deliver(Parcel("ingestion-documents", message, CONTEXT, new_id()))
    await town.settle()
    await town.deliver(
        Parcel("ingestion-queries", DeleteDocumentV1(document_id=GONE), CONTEXT, new_id())
    )
    await town.settle()
    assert await differences(town.audit(unused_s=0, page=1)) == []
    return town


async def differences(audit: Auditing) -> list[Difference]:
    return [one async for group in audit.differences(TENANT) for one in group]


def in_file(*statements: str) -> Callable[[Town], Awaitable[None]]:
    async def damage(town: Town) -> None:
        with closing(sqlite3.connect(town.sqlite)) as file:
            for statement in statements:
                assert file.execute(statement.replace("DOCUMENT", A)).rowcount
            file.commit()

    return damage


def in_registry(*statements: str) -> Callable[[Town], Awaitable[None]]:
    async def damage(town: Town) -> None:
        async with town.database.transaction() as transaction:
            for statement in statements:
                found = await transaction.execute(statement.replace("DOCUMENT", A))
                assert found.rowcount

    return damage


def in_bucket(remove: str = "", put: str = "") -> Callable[[Town], Awaitable[None]]:
    async def damage(town: Town) -> None:
        if remove:
            del town.blobs.objects[remove]
        if put:
            await town.blobs.put(put, b"{}")

    return damage


def stray_version(document: str, ordinal: int) -> Callable[[Town], Awaitable[None]]:
    async def damage(town: Town) -> None:
        made: Version = version(TENANT, document, ordinal)
        await town.store.index(made, passages_of(document, ordinal, ["the harbour froze"]))
        await town.store.promote(TENANT, document, ordinal)

    return damage


_OF_A = "version IN (SELECT id FROM versions WHERE document_id = 'DOCUMENT')"
_ROWS = f"SELECT id FROM passages WHERE {_OF_A}"
DAMAGE: dict[str, tuple[Callable[[Town], Awaitable[None]], str]] = {
    "passages are gone from the index": (
        in_file(f"DELETE FROM passages WHERE {_OF_A}"),
        "other passages",
    ),
    "the version is gone from the index": (
        in_file(
            f"DELETE FROM passages WHERE {_OF_A}",
            "DELETE FROM versions WHERE document_id = 'DOCUMENT'",
        ),
        "not indexed",
    ),
    "the head is gone": (
        in_file("DELETE FROM heads WHERE document_id = 'DOCUMENT'"),
        "other version shown",
    ),
    "the head says deleted": (
        in_file("UPDATE heads SET live = 0 WHERE document_id = 'DOCUMENT'"),
        "other version shown",
    ),
    "the head is ahead": (
        in_file("UPDATE heads SET ordinal = 7 WHERE document_id = 'DOCUMENT'"),
        "other version shown",
    ),
    "names are gone from the graph": (
        in_file(f"DELETE FROM mentions WHERE passage IN ({_ROWS})"),
        "other names in the graph",
    ),
    "links of purged passages are left": (
        in_file("INSERT INTO mentions SELECT name, passage + 1000 FROM mentions LIMIT 1"),
        "stray names",
    ),
    "a newer version is shown that the registry does not know": (
        stray_version(A, 9),
        "other version shown",
    ),
    "a document is indexed that nobody knows": (
        stray_version("nobody", 3),
        "unknown in the registry",
    ),
    "a deleted document is shown": (stray_version(GONE, 4), "indexed, but not ready"),
    "the document is gone from the registry": (
        in_registry(
            "DELETE FROM versions WHERE document_id = 'DOCUMENT'",
            "DELETE FROM documents WHERE document_id = 'DOCUMENT'",
        ),
        "unknown in the registry",
    ),
    "the registry's count is wrong": (
        in_registry(
            "UPDATE versions SET result = jsonb_set(result, '{counts,chunks}', '5')"
            " WHERE document_id = 'DOCUMENT'"
        ),
        "other passages",
    ),
    "the manifest is gone": (in_bucket(manifest_key(TENANT, A, 1)), "missing manifest"),
    "the original is gone": (in_bucket(original("a.txt")), "missing original"),
    "a manifest is left that nobody knows": (
        in_bucket(put=manifest_key(TENANT, "nobody", 2)),
        "orphan manifest",
    ),
    "a manifest is left of a deleted version": (
        in_bucket(put=manifest_key(TENANT, GONE, 1)),
        "orphan manifest",
    ),
    "an upload is left that nobody knows": (in_bucket(put=original("x.txt")), "orphan upload"),
}


async def repaired(town: Town, audit: Auditing, found: list[Difference]) -> list[Difference]:
    """While the repair waits, the services work."""
    over = asyncio.Event()

    async def serve() -> None:
        while not over.is_set():
            await town.settle()
            await asyncio.sleep(0.01)

    serving = asyncio.create_task(serve())
    try:
        return await audit.repair(TENANT, found)
    finally:
        over.set()
        await serving


@pytest.mark.parametrize(("damage", "kind"), DAMAGE.values(), ids=DAMAGE)
async def test_damage_is_found_and_repaired(filled: Town, damage: Any, kind: str) -> None:
    await damage(filled)
    audit = filled.audit(unused_s=0, settle_s=20, look_s=0.05, page=1)
    found = await differences(audit)
    assert kind in {one.kind for one in found}
    assert all(one.open for one in found)
    done = await repaired(filled, audit, found)
    assert [one for one in done if one.open] == []
    assert await differences(audit) == []
    untouched = (
        await filled.ask(
            "ingestion-queries", GetDocumentV1(document_id=B), DocumentStateV1, CONTEXT, 1000
        )
    ).document
    assert (untouched.status, untouched.ordinal) == ("ready", 1)
