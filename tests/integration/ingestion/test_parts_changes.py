"""Changes of a document with parts: described anew, restored, deleted, repaired."""

from typing import Any

import pytest

from contracts.ingestion.audit import AuditObjectsV1, ObjectsAuditedV1, RepairDocumentV1
from contracts.ingestion.commands import RetryDocumentV1
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.ingestion.proof import CONFIRMING
from contracts.ingestion.versions import DescribeDocumentV1, RestoreVersionV1
from services.ingestion.bootstrap import QUERIES
from shared.testing.probe import until
from tests.integration.ingestion.files import zipped
from tests.integration.ingestion.test_parts import RULES, inside, names, offer, ready
from tests.integration.ingestion.world import World

pytestmark = pytest.mark.usefixtures("patient")
MAIL = zipped({"rules.md": RULES})
PARTS = ("a.md", "in.zip", "in.zip/rules.md")


@pytest.fixture
def patient(world: World) -> None:
    world.parse_timeout_s = 30.0


async def archive_of(world: World, **said: Any) -> str:
    archive = await offer(world, {"a.md": b"One.", "in.zip": MAIL}, **said)
    await ready(world, archive)
    for part in PARTS:
        await ready(world, inside(part))
    return archive


async def describe(world: World, document: str, **fields: Any) -> None:
    message = DescribeDocumentV1.model_validate(
        {"document_id": document, "changed": tuple(fields), **fields}
    )
    await world.handle(QUERIES, message)


def newest(world: World) -> dict[str, DocumentChunkedV1]:
    told = sorted(world.publisher.of(DocumentChunkedV1), key=lambda one: one.ordinal)
    return {one.document_id: one for one in told}


async def test_what_is_said_of_an_archive_is_said_of_its_parts_at_once(world: World) -> None:
    async with world.working():
        archive = await archive_of(world, tags=["sea"])
        embedded = len(world.model.texts)
        await describe(world, inside("a.md"), visibility=["user:ann", "user:bob"])
        await ready(world, inside("a.md"), ordinal=2)
        said = {"tags": ["land"], "metadata": {"year": 2}}
        await describe(world, archive, **said, visibility=["user:ann", "user:eve"])
        await ready(world, archive, ordinal=2)
        await ready(world, inside("a.md"), ordinal=3)
        for part in PARTS[1:]:
            await ready(world, inside(part), ordinal=2)
        assert len(world.model.texts) == embedded
    told = newest(world)
    for part in PARTS:
        seen = told[inside(part)]
        assert (seen.tags, seen.metadata) == (("land",), {"year": 2})
    assert told[inside("in.zip/rules.md")].visibility == ("user:ann", "user:eve")
    # Bob saw this part alone, and eve saw all but this one.
    assert told[inside("a.md")].visibility == ("user:ann",)
    assert await names(world) == sorted(("all.zip", *(f"all.zip/{part}" for part in PARTS)))


async def test_a_part_that_was_narrowed_stays_so_when_its_archive_comes_again(world: World) -> None:
    async with world.working():
        archive = await archive_of(world)
        await describe(world, inside("a.md"), visibility=["user:ann"])
        await ready(world, inside("a.md"), ordinal=2)
        await offer(world, {"a.md": b"Two.", "in.zip": MAIL}, visibility=["user:ann", "user:eve"])
        await ready(world, archive, ordinal=2)
        await ready(world, inside("a.md"), ordinal=3)
        await ready(world, inside("in.zip/rules.md"), ordinal=2)
        assert newest(world)[inside("a.md")].visibility == ("user:ann",)
        # The others were as open as their archive, and follow it.
        assert newest(world)[inside("in.zip/rules.md")].visibility == ("user:ann", "user:eve")
        await offer(world, {"a.md": b"Three.", "in.zip": MAIL})
        await ready(world, archive, ordinal=3)
        await ready(world, inside("a.md"), ordinal=4)
        await ready(world, inside("in.zip/rules.md"), ordinal=3)
    assert newest(world)[inside("a.md")].visibility == ("user:ann",)
    assert newest(world)[inside("in.zip/rules.md")].visibility is None


async def test_a_restored_archive_has_the_parts_of_today(world: World) -> None:
    async with world.working():
        archive = await archive_of(world)
        await offer(world, {"a.md": b"One.", "new.md": b"New."})
        await ready(world, archive, ordinal=2)
        await world.handle(QUERIES, RestoreVersionV1(document_id=archive, ordinal=1))
        await ready(world, archive, ordinal=3)
        assert await names(world) == ["all.zip", "all.zip/a.md", "all.zip/new.md"]
        assert (await world.see(inside("new.md"))).status == "ready"
        # They are the restored version's, so the next upload lets go of what it does not have.
        await offer(world, {"a.md": b"One."})
        await ready(world, archive, ordinal=4)
        assert await names(world) == ["all.zip", "all.zip/a.md"]


async def test_each_deleted_part_has_a_proof_of_its_own(world: World) -> None:
    async with world.working():
        archive = await archive_of(world)
        await world.delete(archive, principal="ann")
        deleted = [archive, *map(inside, PARTS)]
        for document in deleted:
            proof = await world.certificate(document, principal="ann", visible_to=("user:ann",))
            assert proof is not None
            assert not proof.complete

        async def purged_here() -> bool:
            found = [await world.certificate(one) for one in deleted]
            return all(one is not None and one.missing == CONFIRMING[1:] for one in found)

        await until(purged_here)
        await world.confirm(archive)
        found = [await world.certificate(one) for one in deleted[1:]]
        assert [one is not None and one.complete for one in found] == [False] * 3
        assert (await world.see(archive)).status == "deleted"
        for document in deleted[1:]:
            assert (await world.see(document)).status == "deleting"


async def test_a_repaired_archive_keeps_its_parts(world: World) -> None:
    async with world.working():
        archive = await archive_of(world)
        repair = RepairDocumentV1(document_id=archive, index_ordinal=1, tombstone=True)
        await world.handle(QUERIES, repair)
        await ready(world, archive, ordinal=2)
        assert await names(world) == sorted(("all.zip", *(f"all.zip/{part}" for part in PARTS)))


async def test_a_version_that_failed_is_retried_above_the_tombstone(world: World) -> None:
    """Retrieval holds what it refused in the end, so an audit has it deleted there."""
    async with world.working():
        document = await world.offer("a.md", "# A\n\nOne.")
        await world.ends(document, "indexing")
        await world.refuse(world.publisher.of(DocumentChunkedV1)[0])
        await world.ends(document, "failed")
        repair = RepairDocumentV1(document_id=document, index_ordinal=1)
        await world.handle(QUERIES, repair)
        deleted = [(one.document_id, one.ordinal) for one in world.publisher.of(DocumentDeletedV1)]
        assert deleted == [(document, 1)]
        failed = await world.see(document)
        assert (failed.status, failed.ordinal) == ("failed", 2)
        await world.handle(QUERIES, RetryDocumentV1(document_id=document))
        await ready(world, document, ordinal=2)
    assert newest(world)[document].ordinal == 2


async def test_the_files_of_kept_versions_are_no_orphans(world: World) -> None:
    world.timing |= {"purge_after_s": 0.05}
    world.options |= {"kept_versions": 2}
    async with world.working():
        for n in range(1, 4):
            key = f"uploads/acme/{n}/a.txt"
            world.blobs.objects[key] = b"Text %d." % n
            document = await world.offer("a.txt", key=key)
            await ready(world, document, n)

        async def purged() -> bool:
            return len(world.blobs.objects) == 4

        await until(purged)
        kept = dict(world.blobs.objects)
        for prefix in ("manifests/", "uploads/"):
            audit = AuditObjectsV1(prefix=prefix, unused_s=0)
            assert await world.handle(QUERIES, audit) == ObjectsAuditedV1(
                looked=2, next=max(key for key in kept if key.startswith(prefix))
            )
