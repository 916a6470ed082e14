"""What breaks on a document's way, and what becomes of the document."""

import asyncio
from dataclasses import replace

import pytest

from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1, DocumentFailedV1
from contracts.ingestion.manifest import manifest_key
from contracts.platform.usage import ModelUsedV2
from services.ingestion.models.version import Counts, Result
from services.ingestion.services.working import worker
from shared.testing.probe import until
from tests.integration.ingestion.crashing import die
from tests.integration.ingestion.world import World

RESULT = Result("hash", "key", "text/plain", "test.embed", 8, Counts(chunks=1))


async def attempts(world: World, document: str) -> int:
    async with world.database.transaction() as transaction:
        rows = await transaction.execute(
            "SELECT attempts FROM versions WHERE document_id = :id", {"id": document}
        )
        return int(rows.scalar_one())


async def test_an_outage_of_the_model_counts_no_attempt(world: World) -> None:
    world.model.faults.left = 8
    async with world.working():
        documents = [await world.offer(f"{n}.txt", f"text {n}") for n in range(3)]
        for document in documents:
            await world.ends(document, "indexing")
    assert world.model.faults.fired == 8
    assert [await attempts(world, document) for document in documents] == [0, 0, 0]


async def test_an_outage_of_the_store_of_objects_counts_no_attempt(world: World) -> None:
    world.blobs.faults.left = 8
    async with world.working():
        document = await world.offer("a.txt", "text")
        await world.ends(document, "indexing")
    assert world.blobs.faults.fired == 8
    assert len(world.model.texts) == 1, "the vectors were kept"


async def test_a_dead_workers_document_is_finished_by_another(world: World) -> None:
    world.options |= {"lease_s": 0.5, "resend_s": 30}
    document = await world.offer("a.txt", "text")
    [dead] = await world.worklist.claim(1)
    assert await world.worklist.claim(1) == []
    async with world.working():
        await world.ends(document, "indexing")
    assert await world.worklist.finish(dead, RESULT) is None
    assert len(world.publisher.of(DocumentChunkedV1)) == 1


async def test_a_document_that_kills_its_worker_each_time_fails(world: World) -> None:
    world.options |= {"lease_s": 0.05, "resend_s": 30}
    document = await world.offer("a.txt", "text")
    for _ in range(worker.ATTEMPTS_MAX):
        await until(lambda: world.worklist.claim(1))
    async with world.working():
        failed = await world.ends(document, "failed")
    assert failed.error is not None
    assert failed.error.code == "interrupted"


async def test_a_stopped_worker_gives_its_documents_back(world: World) -> None:
    world.model.gate.clear()
    async with world.working():
        document = await world.offer("a.txt", "text")
        await until(lambda: world.model.waiting)
    assert (await world.see(document)).status == "accepted"
    assert await attempts(world, document) == 0
    world.model.gate.set()
    async with world.working():
        await world.ends(document, "indexing")


async def test_a_lost_lease_stops_the_work(world: World) -> None:
    world.options |= {"lease_s": 0.3, "resend_s": 30}
    world.model.gate.clear()
    async with world.working():
        document = await world.offer("a.txt", "first")
        await until(lambda: world.model.waiting)
        await world.offer("a.txt", "second")
        await until(lambda: world.model.waiting == 2)
        world.model.gate.set()
        await world.ends(document, "indexing", ordinal=2)
    assert [told.ordinal for told in world.publisher.of(DocumentChunkedV1)] == [2]
    assert manifest_key("acme", document, 1) not in world.blobs.objects


async def test_chunked_is_sent_again_until_retrieval_answers(world: World) -> None:
    world.publisher.struck, world.publisher.faults.left = DocumentChunkedV1, 1
    async with world.working():
        document = await world.offer("a.txt", "text")
        await until(lambda: len(world.publisher.of(DocumentChunkedV1)) == 2)
        assert world.publisher.faults.fired == 1
        await world.answer_all()
        assert (await world.see(document)).status == "ready"
    assert len(set(world.publisher.ids(DocumentChunkedV1))) == 1


async def test_a_failure_is_told_until_it_is_confirmed(world: World) -> None:
    world.publisher.struck, world.publisher.faults.left = DocumentFailedV1, 1
    async with world.working():
        document = await world.offer("a.txt", " ")
        await world.ends(document, "rejected")
        await until(lambda: world.publisher.of(DocumentFailedV1))
    assert world.publisher.faults.fired == 1
    [told] = world.publisher.of(DocumentFailedV1)
    assert (told.status, told.error.code) == ("rejected", "empty")


async def test_usage_is_metered_even_when_the_topic_fails_at_first(world: World) -> None:
    world.publisher.struck, world.publisher.faults.left = ModelUsedV2, 2
    async with world.working():
        document = await world.offer("a.txt", "text")
        await world.ends(document, "indexing")
    assert world.publisher.faults.fired == 2
    assert len(world.publisher.of(ModelUsedV2)) == len(world.model.texts) == 1


async def test_a_parser_that_dies_or_hangs_costs_its_document_only(world: World) -> None:
    world.blobs.objects |= {
        "uploads/acme/die.pdf": b"die",
        "uploads/acme/hang.pdf": b"hang",
        "uploads/acme/good.pdf": b"good",
    }
    async with world.working(parse=die):
        dies = await world.offer("die.pdf", key="uploads/acme/die.pdf")
        failed = await world.ends(dies, "failed")
        hangs = await world.offer("hang.pdf", key="uploads/acme/hang.pdf")
        rejected = await world.ends(hangs, "rejected")
        good = await world.offer("good.pdf", key="uploads/acme/good.pdf")
        await world.ends(good, "indexing")
    assert failed.error is not None
    assert "ParserCrashed" in failed.error.message
    assert f"{worker.ATTEMPTS_MAX} times" in failed.error.message
    assert rejected.error is not None
    assert rejected.error.code == "too_complex"


async def test_one_document_does_not_wait_for_another_tenants_many(world: World) -> None:
    world.options["resend_s"] = 120
    many = [await world.offer(f"{n}.txt", f"text {n}", tenant="globex") for n in range(60)]
    one = await world.offer("one.txt", "text")
    async with world.working(documents_in_flight=4):
        await until(lambda: len(world.publisher.of(DocumentChunkedV1)) == 61, within_s=30)
    order = [told.document_id for told in world.publisher.of(DocumentChunkedV1)]
    assert set(order) == {one, *many}
    assert order.index(one) < 8


async def test_a_bad_row_fails_alone_in_its_group(world: World) -> None:
    """PostgreSQL refuses lone surrogates; the documents committed with it must not suffer."""
    document = await world.offer("a.txt", "text")
    [claim] = await world.worklist.claim(1)
    good, bad = RESULT, replace(RESULT, content_hash="\0")
    finish = world.worklist.finish

    results = await asyncio.gather(finish(claim, bad), finish(claim, good), return_exceptions=True)
    assert isinstance(results[0], Exception)
    assert not isinstance(results[1], BaseException)
    assert (await world.see(document)).status == "indexing"


async def test_deleting_is_told_at_once_and_leaves_ids_only(world: World) -> None:
    world.blobs.objects["uploads/acme/1/a.txt"] = b"secret words"
    async with world.working():
        document = await world.offer("a.txt", key="uploads/acme/1/a.txt")
        await world.ends(document, "indexing")
        assert len(world.blobs.objects) == 2
        deleted = await world.delete(document)
        assert deleted is not None
        assert deleted.status == "deleted"
        assert [told.ordinal for told in world.publisher.of(DocumentDeletedV1)] == [1]
        await until(lambda: not world.blobs.objects)

        async def purged() -> bool:
            return (await world.see(document)).name == document

        await until(purged)
        await world.answer_all()
        assert (await world.see(document)).status == "deleted"
        await world.offer("a.txt", "new words")
        again = await world.ends(document, "indexing", ordinal=2)
    assert again.name == "a.txt"
    assert len(set(world.publisher.ids(DocumentDeletedV1))) == 1


async def test_deleting_cancels_work_in_progress_and_removes_a_late_manifest(
    world: World,
) -> None:
    world.options |= {"lease_s": 0.6, "resend_s": 30}
    world.model.gate.clear()
    async with world.working():
        document = await world.offer("a.txt", "text")
        await until(lambda: world.model.waiting)
        await world.delete(document)
        # What a worker leaves that dies after writing and before it hears of the deletion.
        world.blobs.objects[manifest_key("acme", document, 1)] = b"late"
        world.model.gate.set()
        await until(lambda: not world.blobs.objects, within_s=10)
    assert (await world.see(document)).status == "deleted"
    assert world.publisher.of(DocumentChunkedV1) == []


async def test_a_deletion_is_told_by_upkeep_when_the_topic_failed(world: World) -> None:
    document = await world.offer("a.txt", "text")
    world.publisher.struck, world.publisher.faults.left = DocumentDeletedV1, 1
    with pytest.raises(Exception, match="sns is unavailable"):
        await world.delete(document)
    async with world.working():
        await until(lambda: world.publisher.of(DocumentDeletedV1))
    assert world.publisher.faults.fired == 1


async def test_another_tenants_document_cannot_be_deleted_or_seen(world: World) -> None:
    document = await world.offer("a.txt", "text")
    assert await world.delete(document, tenant="globex") is None
    assert await world.state(document, "globex") is None
    assert (await world.see(document)).status == "accepted"
