"""Versions through a real registry: described anew, restored, kept by the rule, shown."""

import asyncio
from typing import Any

import pytest

from contracts.ingestion.documents import DroppedObject, ObjectsDroppedV1
from contracts.ingestion.events import DocumentChunkedV1
from contracts.ingestion.queries import DocumentStateV1
from contracts.ingestion.versions import (
    ContentAnsweredV1,
    ContentRequestedV1,
    DescribeDocumentV1,
    ListVersionsV1,
    RestoreVersionV1,
    TextAnsweredV1,
    TextRequestedV1,
    VersionsListedV1,
    VersionSummary,
)
from contracts.message import Message
from contracts.platform.replies import RequestFailedV1
from services.ingestion.bootstrap import QUERIES
from shared.testing.probe import until
from tests.integration.ingestion.world import BUCKET, World

ANN, BOB = ("user:ann",), ("user:bob",)
KEY = "uploads/acme/1/a.txt"


async def describe(world: World, document: str, **fields: Any) -> Message | None:
    told = {name: fields[name] for name in ("visible_to", "accepted_id") if name in fields}
    changed = {name: value for name, value in fields.items() if name not in told}
    message = DescribeDocumentV1.model_validate(
        {"document_id": document, "changed": tuple(changed), **changed, **told}
    )
    return await world.handle(QUERIES, message, fields.get("tenant", "acme"))


async def restore(world: World, document: str, ordinal: int, **fields: Any) -> Message | None:
    message = RestoreVersionV1(document_id=document, ordinal=ordinal, **fields)
    return await world.handle(QUERIES, message)


async def versions(world: World, document: str, **fields: Any) -> tuple[VersionSummary, ...]:
    reply = await world.handle(QUERIES, ListVersionsV1(document_id=document, **fields))
    return reply.versions if isinstance(reply, VersionsListedV1) else ()


async def text_of(world: World, document: str, ordinal: int | None = None, **fields: Any) -> str:
    """The text of a version's chunks; the code of the refusal where there is none."""
    message = TextRequestedV1(document_id=document, ordinal=ordinal, **fields)
    reply = await world.handle(QUERIES, message)
    if isinstance(reply, RequestFailedV1):
        return reply.code
    assert isinstance(reply, TextAnsweredV1)
    return " ".join(chunk.text for chunk in reply.chunks)


async def content_of(
    world: World, document: str, ordinal: int | None = None, **fields: Any
) -> ContentAnsweredV1 | str:
    message = ContentRequestedV1(document_id=document, ordinal=ordinal, **fields)
    reply = await world.handle(QUERIES, message)
    if isinstance(reply, RequestFailedV1):
        return reply.code
    assert isinstance(reply, ContentAnsweredV1)
    return reply


async def ready(world: World, document: str, ordinal: int) -> None:
    """Retrieval has answered for the version."""

    async def answered() -> bool:
        await world.answer_all()
        seen = await world.see(document)
        return (seen.status, seen.ordinal) == ("ready", ordinal)

    await until(answered, within_s=15)


def code(reply: Message | None) -> str:
    return reply.code if isinstance(reply, RequestFailedV1) else ""


def newest(world: World) -> DocumentChunkedV1:
    return max(world.publisher.of(DocumentChunkedV1), key=lambda chunked: chunked.ordinal)


async def test_a_changed_description_is_a_new_version_without_a_model(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "one", tags=["old"], metadata={"year": 2024})
        await ready(world, document, 1)
        embedded = list(world.model.texts)
        reply = await describe(world, document, tags=["new"], visibility=["user:ann"])
        assert isinstance(reply, DocumentStateV1)
        now = reply.document
        assert (now.ordinal, now.tags) == (2, ("new",))
        # A worker may have begun before the answer was written.
        assert now.status in ("accepted", "parsing", "embedding")
        assert (now.metadata, now.visibility) == ({"year": 2024}, ("user:ann",))
        await ready(world, document, 2)
    chunked = newest(world)
    assert (chunked.tags, chunked.visibility) == (("new",), ("user:ann",))
    [line] = world.lines(chunked)
    assert (line.passage_id, line.text) == (f"{document}:2:0", "one")
    assert line.version is not None
    assert (line.version.tags, line.version.visibility) == (("new",), ("user:ann",))
    assert line.version.metadata == {"year": 2024}
    assert world.model.texts == embedded
    second, first = await versions(world, document)
    assert (second.drawn_from, second.current, second.kept) == (1, True, True)
    assert (first.status, first.current, first.kept) == ("superseded", False, True)
    assert second.content_hash == first.content_hash


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"tags": ["old"]},
        {"metadata": {"n": 1, "is": True}},
        {"visibility": None},
        {"tags": ["old"], "metadata": {"is": True, "n": 1}, "visibility": None},
    ],
)
async def test_the_same_description_again_does_nothing(
    world: World, fields: dict[str, Any]
) -> None:
    async with world.working():
        document = await world.offer("a.txt", "one", tags=["old"], metadata={"n": 1, "is": True})
        await ready(world, document, 1)
        reply = await describe(world, document, **fields)
    assert isinstance(reply, DocumentStateV1)
    assert (reply.document.ordinal, reply.document.status) == (1, "ready")


async def test_true_instead_of_one_is_a_change(world: World) -> None:
    document = await world.offer("a.txt", "one", metadata={"n": 1})
    await describe(world, document, metadata={"n": True})
    assert (await world.see(document)).metadata["n"] is True


async def test_a_changed_title_is_read_again_since_it_is_embedded(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "one", metadata={"title": "Old"})
        await ready(world, document, 1)
        await describe(world, document, metadata={"title": "New"})
        await ready(world, document, 2)
    assert world.model.texts == ["Old. one", "New. one"]
    assert world.lines(newest(world))[0].title == "New"


async def test_no_change_is_lost_while_a_version_waits_or_is_in_work(world: World) -> None:
    """The waiting version and the one that is found get the change, whichever ends well."""
    async with world.working():
        document = await world.offer("a.txt", "one", tags=["first"])
        await ready(world, document, 1)
    world.blobs.objects[KEY] = b"\x89PNG\x00\x81\x8d"
    await world.offer("a.txt", key=KEY, tags=["second"])
    await describe(world, document, visibility=["user:ann"])
    await describe(world, document, metadata={"n": 1})
    seen = await world.see(document)
    assert (seen.status, seen.tags, seen.visibility) == ("accepted", ("second",), ("user:ann",))
    async with world.working():
        rejected = await world.ends(document, "rejected", ordinal=3)
        await until(lambda: newest(world).ordinal > 1)
        await world.answer_all()
    assert (rejected.tags, rejected.metadata) == (("second",), {"n": 1})
    chunked = newest(world)
    assert (chunked.tags, chunked.metadata) == (("first",), {"n": 1})
    assert chunked.visibility == ("user:ann",)
    assert (await text_of(world, document)) == "one"


async def test_a_version_in_work_is_replaced_by_one_that_says_the_change(world: World) -> None:
    world.model.gate.clear()
    async with world.working():
        document = await world.offer("a.txt", "one")
        await until(lambda: world.model.waiting)
        await describe(world, document, tags=["new"])
        world.model.gate.set()
        await ready(world, document, 2)
        assert newest(world).tags == ("new",)
        assert {chunked.ordinal for chunked in world.publisher.of(DocumentChunkedV1)} == {2}
        await until(lambda: f"manifests/acme/{document}/1.jsonl" not in world.blobs.objects)


async def test_changes_and_uploads_at_the_same_time_all_hold(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "one", tags=["t"], metadata={"n": 0})
        await ready(world, document, 1)
        changes = ({"tags": ["new"]}, {"metadata": {"n": 1}}, {"visibility": ["user:ann"]})
        await asyncio.gather(*(describe(world, document, **change) for change in changes))
        seen = await world.see(document)
        assert (seen.tags, seen.metadata, seen.visibility) == (("new",), {"n": 1}, ("user:ann",))
        await asyncio.gather(
            *(describe(world, document, metadata={"n": n}) for n in range(2, 6)),
            restore(world, document, 1),
            world.offer("a.txt", "two", tags=["two"]),
            *(describe(world, document, tags=[f"t{n}"]) for n in range(4)),
        )

        async def calm() -> bool:
            await world.answer_all()
            found = await world.see(document)
            return found.status == "ready" and found.ordinal == newest(world).ordinal

        await until(calm, within_s=20)
        seen, chunked = await world.see(document), newest(world)
        # What is found is what is said, and it is one version.
        assert (chunked.tags, chunked.metadata) == (seen.tags, seen.metadata)
        found = [line.text for line in world.lines(chunked)]
        assert await text_of(world, document) == found[0]
        assert [one.current for one in await versions(world, document)].count(True) == 1


NASTY: list[Any] = [
    {"n": 2**63},
    {"n": 10**400},
    {"n": 1e-9},
    {"n": "x" * 100_000},
    {"2026-01-01": "2026-01-01"},
    {"": " "},
    {"'; DROP TABLE versions --": "%s :name {shown}"},
    {"title": ""},
    {"title": 7},
]


async def test_nasty_values_are_kept_as_they_are(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "one")
        await ready(world, document, 1)
        for n, metadata in enumerate(NASTY, 2):
            reply = await describe(world, document, metadata=metadata, tags=["\u202e", "'%s"])
            assert isinstance(reply, DocumentStateV1), metadata
            await ready(world, document, n)
            assert (await world.see(document)).metadata == metadata
            assert newest(world).metadata == metadata


async def test_passages_that_are_gone_end_a_restore_and_not_the_document(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "one")
        await ready(world, document, 1)
        await world.offer("a.txt", "two")
        await ready(world, document, 2)
        del world.blobs.objects[f"manifests/acme/{document}/1.jsonl"]
        await restore(world, document, 1)
        ended = await world.ends(document, "rejected", ordinal=3)
        assert ended.error is not None
        assert ended.error.code == "missing"
        assert "version 1" in ended.error.message
        assert await text_of(world, document) == "two"
        assert await text_of(world, document, 1) == "not_possible"


async def test_an_outage_while_a_version_is_drawn_costs_nothing(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "one")
        await ready(world, document, 1)
        world.blobs.faults.left = 2
        await describe(world, document, tags=["new"])
        await ready(world, document, 2)
    assert world.blobs.faults.fired == 2
    assert len(world.model.texts) == 1


async def test_a_rejected_document_can_be_described(world: World) -> None:
    async with world.working():
        document = await world.offer("program.exe", key="uploads/acme/program.exe")
        await world.ends(document, "rejected")
        await describe(world, document, tags=["new"])
        seen = await world.see(document)
    assert (seen.status, seen.ordinal, seen.tags) == ("rejected", 1, ("new",))


async def test_a_change_waits_for_an_upload_that_is_on_its_way(world: World) -> None:
    document = await world.offer("a.txt", "one", message_id="m1")
    assert code(await describe(world, document, tags=["x"], accepted_id="m2")) == "not_possible"
    assert code(await restore(world, document, 1, accepted_id="m2")) == "not_possible"
    assert (await world.see(document)).tags == ()
    await describe(world, document, tags=["x"], accepted_id="m1")
    assert (await world.see(document)).tags == ("x",)


async def test_a_restored_version_is_found_again_without_a_model(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "old words", tags=["old"])
        await ready(world, document, 1)
        await world.offer("a.txt", "new words", tags=["new"])
        await ready(world, document, 2)
        embedded, used = list(world.model.texts), len(world.publisher.on("usage"))
        reply = await restore(world, document, 1)
        assert isinstance(reply, DocumentStateV1)
        assert (reply.document.ordinal, reply.document.status) == (3, "accepted")
        await ready(world, document, 3)
        # Twice is once.
        await restore(world, document, 1)
        await restore(world, document, 3)
        assert (await world.see(document)).ordinal == 3
    assert (world.model.texts, len(world.publisher.on("usage"))) == (embedded, used)
    chunked = newest(world)
    assert (chunked.ordinal, chunked.tags) == (3, ("old",))
    assert [line.text for line in world.lines(chunked)] == ["old words"]
    assert await text_of(world, document) == "old words"
    assert await text_of(world, document, 2) == "new words"
    content = await content_of(world, document)
    assert isinstance(content, ContentAnsweredV1)
    assert (content.text, content.ordinal) == ("old words", 3)
    assert [one.drawn_from for one in await versions(world, document)] == [1, None, None]


async def test_a_restored_version_is_open_to_nobody_new(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "open")
        await ready(world, document, 1)
        await world.offer("a.txt", "narrow", visibility=["user:ann"])
        await ready(world, document, 2)
        await restore(world, document, 1)
        assert (await world.see(document)).visibility == ("user:ann",)
        await ready(world, document, 3)
        await world.offer("a.txt", "for bob", visibility=["user:bob"])
        await ready(world, document, 4)
        # Nobody may see both.
        assert code(await restore(world, document, 2)) == "not_possible"
        assert (await world.see(document)).ordinal == 4


async def test_old_versions_are_kept_by_the_rule_and_their_files_too(world: World) -> None:
    """The newest three with a manifest stay; a file goes with the last version that has it."""
    world.options |= {"kept_versions": 3}
    purge = {"purge_after_s": 0.05}
    world.timing |= purge
    async with world.working():
        for n in range(1, 4):
            world.blobs.objects[f"uploads/acme/{n}/a.txt"] = b"text %d" % n
            document = await world.offer("a.txt", key=f"uploads/acme/{n}/a.txt")
            await ready(world, document, n)
        await describe(world, document, tags=["four"])
        await ready(world, document, 4)
        await describe(world, document, tags=["five"])
        await ready(world, document, 5)
        gone = {f"manifests/acme/{document}/{n}.jsonl" for n in (1, 2)}
        gone |= {f"uploads/acme/{n}/a.txt" for n in (1, 2)}
        await until(lambda: not gone & world.blobs.objects.keys())
        kept = {f"manifests/acme/{document}/{n}.jsonl" for n in (3, 4, 5)}
        assert world.blobs.objects.keys() == kept | {"uploads/acme/3/a.txt"}
        assert [one.kept for one in await versions(world, document)] == [True] * 3 + [False] * 2
        for n in (1, 2):
            assert code(await restore(world, document, n)) == "not_possible"
            assert await text_of(world, document, n) == "not_possible"
            assert await content_of(world, document, n) == "not_possible"
        assert await text_of(world, document, 3) == "text 3"
        await world.delete(document)
        await until(lambda: not world.blobs.objects)
    assert await versions(world, document) == ()
    assert code(await restore(world, document, 3)) == "not_found"
    assert code(await describe(world, document, tags=["x"])) == "not_found"


async def test_the_text_of_a_purged_version_leaves_the_database(world: World) -> None:
    world.options |= {"kept_versions": 1}
    world.timing |= {"purge_after_s": 0.05}
    async with world.working():
        for n in range(1, 4):
            document = await world.offer("a.txt", f"text {n}")
            await ready(world, document, n)

        async def texts() -> list[str]:
            async with world.database.transaction() as transaction:
                rows = await transaction.execute("SELECT text FROM versions WHERE text IS NOT NULL")
                return [row.text for row in rows]

        async def only_the_newest() -> bool:
            return await texts() == ["text 3"]

        await until(only_the_newest)
        await world.delete(document)

        async def none() -> bool:
            return await texts() == []

        await until(none)


async def test_whoever_may_not_see_a_version_gets_nothing_of_it(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "for ann", visibility=list(ANN))
        await ready(world, document, 1)
        await world.offer("a.txt", "for all")
        await ready(world, document, 2)
        assert [one.ordinal for one in await versions(world, document, visible_to=BOB)] == [2]
        assert await text_of(world, document, 2, visible_to=BOB) == "for all"
        assert await text_of(world, document, 1, visible_to=BOB) == "not_found"
        assert await content_of(world, document, 1, visible_to=BOB) == "not_found"
        assert code(await restore(world, document, 1, visible_to=BOB)) == "not_found"
        await describe(world, document, visibility=ANN, visible_to=ANN)
        await ready(world, document, 3)
        # The second was open to him, but the document is not any more.
        assert await versions(world, document, visible_to=BOB) == ()
        assert await text_of(world, document, 2, visible_to=BOB) == "not_found"
        assert code(await describe(world, document, tags=["x"], visible_to=BOB)) == "not_found"
    for message in (
        DescribeDocumentV1(document_id=document, changed=("tags",), tags=("x",)),
        RestoreVersionV1(document_id=document, ordinal=1),
        ListVersionsV1(document_id=document),
        TextRequestedV1(document_id=document),
        ContentRequestedV1(document_id=document),
    ):
        assert code(await world.handle(QUERIES, message, "globex")) == "not_found"
    assert (await world.see(document)).ordinal == 3


@pytest.mark.parametrize("document", ["", "a\0b", "\ud800", "x" * 4000, "' OR 1=1 --"])
async def test_ids_that_no_document_has_are_not_found(world: World, document: str) -> None:
    assert code(await describe(world, document, tags=["x"])) == "not_found"
    assert code(await restore(world, document, 2**31 - 1)) == "not_found"
    assert await versions(world, document) == ()
    assert await text_of(world, document) == "not_found"
    assert await content_of(world, document) == "not_found"


async def test_owner_and_source_are_those_of_the_first_version(world: World) -> None:
    world.blobs.objects |= {KEY: b"one", "inbox/acme/b.txt": b"two"}
    document = await world.offer("a.txt", key=KEY, principal="ann")
    await world.offer("a.txt", "other", principal="bob")
    seen = await world.see(document)
    assert (seen.ordinal, seen.owner, seen.source) == (2, "ann", "http")
    await world.delete(document)
    await world.offer("a.txt", "again", principal="bob")
    seen = await world.see(document)
    assert (seen.owner, seen.source) == ("bob", "message")
    dropped = DroppedObject(bucket=BUCKET, key="inbox/acme/b.txt", sequencer="1", etag="e1")
    await world.drop(ObjectsDroppedV1(objects=(dropped,)))
    [drop] = [one for one in (await world.page(limit=10)).documents if one.name == "b.txt"]
    assert (drop.owner, drop.source) == (None, "drop")
    content = await content_of(world, drop.document_id)
    assert isinstance(content, ContentAnsweredV1)
    assert (content.key, content.etag) == ("inbox/acme/b.txt", "e1")


async def test_the_same_bytes_again_are_nothing_new_by_every_entrance(world: World) -> None:
    async def calm() -> bool:
        await world.answer_all()
        found = (await world.page(limit=10)).documents
        return len(found) == 3 and {one.status for one in found} == {"ready"}

    async with world.working():
        for n in range(3):
            key = f"uploads/acme/{n}/up.txt"
            world.blobs.objects |= {key: b"the same", "inbox/acme/drop.txt": b"the same"}
            dropped = DroppedObject(
                bucket=BUCKET, key="inbox/acme/drop.txt", sequencer=f"A{n}", etag="e1"
            )
            upload = await world.offer("up.txt", key=key, tags=["t"])
            sent = await world.offer("hand.txt", "the same", tags=["t"])
            await world.drop(ObjectsDroppedV1(objects=(dropped,)))
            await until(calm, within_s=15)
    names = {one.name: one.document_id for one in (await world.page(limit=10)).documents}
    assert (names["up.txt"], names["hand.txt"]) == (upload, sent)
    for document in names.values():
        assert [one.ordinal for one in await versions(world, document)] == [1]
    assert len(world.publisher.of(DocumentChunkedV1)) == 3
