"""What breaks on a document's way, and what becomes of the document."""

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy.exc import DBAPIError

from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1, DocumentFailedV1
from contracts.ingestion.manifest import manifest_key
from contracts.platform.usage import ModelUsedV2
from services.ingestion.models.version import Counts, Result
from services.ingestion.services.content import content_hash
from services.ingestion.services.intake import intake
from services.ingestion.services.working import ingest, worker
from services.ingestion.store import intakes
from services.ingestion.store.database import parameter
from shared.errors import described
from shared.observability.logs import JsonFormatter
from shared.ports import Embedded, EmbedRole
from shared.testing.fakes import FakeBlobs
from shared.testing.probe import until
from tests.integration.ingestion.crashing import die
from tests.integration.ingestion.world import Outages, World
from tests.unit.ingestion.fakes import HashModel

RESULT = Result("hash", "key", "text/plain", "test.embed", 8, Counts(chunks=1))


async def counts(world: World, document: str) -> tuple[int, int]:
    """Failed attempts, and claims that ended without a word."""
    async with world.database.transaction() as transaction:
        rows = await transaction.execute(
            "SELECT attempts, interruptions FROM versions WHERE document_id = :id",
            {"id": document},
        )
        row = rows.one()
        return row.attempts, row.interruptions


async def test_an_outage_of_the_model_counts_no_attempt(world: World) -> None:
    world.model.faults.left = 8
    async with world.working():
        documents = [await world.offer(f"{n}.txt", f"text {n}") for n in range(3)]
        for document in documents:
            await world.ends(document, "indexing")
    assert world.model.faults.fired == 8
    assert {await counts(world, document) for document in documents} == {(0, 0)}


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
    assert await counts(world, document) == (0, 0)
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


async def test_a_version_that_retrieval_refuses_has_failed(world: World) -> None:
    """Issue 10, 17: it is announced no more, and the next one can be indexed."""
    async with world.working():
        document = await world.offer("a.txt", "text")
        await world.ends(document, "indexing")
        [chunked] = world.publisher.of(DocumentChunkedV1)
        await world.refuse(chunked, tenant="globex")
        assert (await world.see(document)).status == "indexing"
        await world.refuse(chunked)
        failed = await world.see(document)
        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.error.code == "wrong_dimension"
        await until(lambda: world.publisher.of(DocumentFailedV1))
        sent = len(world.publisher.of(DocumentChunkedV1))
        await world.refuse(chunked)
        await world.offer("a.txt", "text")
        await until(lambda: world.publisher.of(DocumentChunkedV1)[-1].ordinal == 2)
    assert len([c for c in world.publisher.of(DocumentChunkedV1) if c.ordinal == 1]) == sent


async def test_an_announcement_that_nobody_answers_ends_after_its_deadline(world: World) -> None:
    """Issue 10, 17: also when retrieval answers with other counts."""
    world.options |= {"resend_s": 0.1, "answer_s": 0.5}
    async with world.working():
        documents = [await world.offer(f"{n}.txt", f"text {n}") for n in range(2)]
        await world.ends(documents[1], "indexing")
        await until(lambda: len(world.publisher.of(DocumentChunkedV1)) > 1)
        for chunked in world.publisher.of(DocumentChunkedV1):
            await world.answer(chunked, chunks=99)
        for document in documents:
            failed = await world.ends(document, "failed")
            assert failed.error is not None
            assert failed.error.code == "not_indexed"
            assert "then retry" in failed.error.message
        await until(lambda: len(world.publisher.of(DocumentFailedV1)) == 2)


async def test_an_announcement_that_fails_does_not_stop_the_others(world: World) -> None:
    """Issue 10, 18: here of a row that no message can be made of."""
    documents = [await world.offer(f"{n}.txt", f"text {n}") for n in range(3)]
    async with world.working():
        for document in documents:
            await world.ends(document, "indexing")
    async with world.database.transaction() as transaction:
        await transaction.execute(
            "UPDATE versions SET description = CAST(:bad AS jsonb) WHERE document_id = :id",
            {"bad": '{"metadata": {"x": null}}', "id": documents[0]},
        )
    world.publisher.sent.clear()
    async with world.working():
        await until(lambda: {*documents[1:]} <= told(world))
    assert documents[0] not in told(world)


def told(world: World) -> set[str]:
    return {chunked.document_id for chunked in world.publisher.of(DocumentChunkedV1)}


@dataclass
class StuckBlobs(FakeBlobs):
    """One object cannot be deleted."""

    stuck: str | None = None
    fired: int = 0

    async def delete(self, key: str) -> None:
        if key == self.stuck:
            self.fired += 1
            raise PermissionError("fault in a test")
        await super().delete(key)


async def test_a_purge_that_fails_does_not_stop_the_others(world: World) -> None:
    """Issue 10, 18: nor the announcements of its round."""
    blobs = world.blobs = StuckBlobs()
    keys = [f"uploads/acme/{n}/a.txt" for n in range(3)]
    blobs.objects |= dict.fromkeys(keys, b"text")
    documents = [await world.offer(f"{n}.txt", key=key) for n, key in enumerate(keys)]
    for document in documents:
        await world.delete(document)
    blobs.stuck = keys[0]
    async with world.working():
        await until(lambda: blobs.objects.keys() == {keys[0]})
        other = await world.offer("other.txt", "text")
        await until(lambda: other in told(world))
        assert blobs.fired
        blobs.stuck = None


async def test_an_outage_of_postgresql_in_the_middle_counts_no_attempt(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Issue 10, 19: more often than a document may fail, and each time longer than a lease."""

    def interrupted(times: int) -> bool:
        return caplog.messages.count("interrupted") == times

    def passed(moment: datetime) -> bool:
        return datetime.now(UTC) > moment

    away, lease = Outages(world.database), timedelta(seconds=0.3)
    world.options |= {"lease_s": lease.total_seconds(), "resend_s": 30}
    world.model.gate.clear()
    async with world.working(on=away):
        document = await world.offer("a.txt", "text")
        for times in range(1, worker.ATTEMPTS_MAX + 2):
            await until(lambda: world.model.waiting)
            away.faults.left = -1
            world.model.gate.set()
            await until(partial(interrupted, times))
            world.model.gate.clear()
            await until(partial(passed, datetime.now(UTC) + lease))
            away.faults.left = 0
        world.model.gate.set()
        await world.ends(document, "indexing")
    assert away.faults.fired > worker.ATTEMPTS_MAX
    assert await counts(world, document) == (0, 0)


async def test_long_work_on_bytes_leaves_the_event_loop_free(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 10, 19."""
    threads: dict[str, set[str]] = {"hash": set(), "json": set()}

    def hashed(body: bytes, media_type: str) -> str:
        threads["hash"].add(threading.current_thread().name)
        return content_hash(body, media_type)

    def written(rows: Iterable[Mapping[str, object]]) -> str:
        listed = list(rows)
        if any("text" in row for row in listed):
            threads["json"].add(threading.current_thread().name)
        return parameter(listed)

    for module in (intake, ingest):
        monkeypatch.setattr(module, "content_hash", hashed)
    monkeypatch.setattr(intakes, "parameter", written)
    world.options |= {"max_document_bytes": 10_000_000, "lease_s": 60}
    async with world.working():
        document = await world.offer("a.txt", "A sentence of some words. " * 20_000)
        await world.ends(document, "indexing")
    assert all(threads.values())
    assert threading.main_thread().name not in threads["hash"] | threads["json"]


CANARY = "heron-4711"


@dataclass
class QuotingModel(HashModel):
    """As models' errors do, its error quotes the text."""

    refused: int = 0

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        self.refused += 1
        raise RuntimeError(f"cannot embed {texts}")


async def test_no_text_of_a_document_reaches_a_log_or_a_persons_eyes(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Issue 10, 12."""
    model = world.model = QuotingModel()
    async with world.working():
        document = await world.offer("a.txt", f"The {CANARY} is here.", metadata={"m": CANARY})
        failed = await world.ends(document, "failed")
        await until(lambda: world.publisher.of(DocumentFailedV1))
    assert model.refused == worker.ATTEMPTS_MAX
    assert failed.error is not None
    assert "RuntimeError" in failed.error.message
    assert CANARY not in str(world.publisher.of(DocumentFailedV1))
    lines = [JsonFormatter("ingestion").format(record) for record in caplog.records]
    assert any("attempt_failed" in line for line in lines)
    assert not [line for line in lines if CANARY in line]
    assert CANARY not in failed.error.message


async def test_an_error_of_postgresql_shows_no_parameter(world: World) -> None:
    """Issue 10, 12: `described` leaves out the words of the server, which may quote a row."""
    wrong = "INSERT INTO documents (document_id, tenant, name) VALUES (:canary, :canary, NULL)"
    with pytest.raises(DBAPIError) as raised:
        async with world.database.transaction() as transaction:
            await transaction.execute(wrong, {"canary": CANARY})
    assert "parameters hidden" in str(raised.value)
    assert CANARY not in described(raised.value)


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
        refused = await world.ends(dies, "rejected")
        hangs = await world.offer("hang.pdf", key="uploads/acme/hang.pdf")
        rejected = await world.ends(hangs, "rejected")
        good = await world.offer("good.pdf", key="uploads/acme/good.pdf")
        await world.ends(good, "indexing")
    assert refused.error is not None
    assert refused.error.code == "breaks_reader"
    assert f"{worker.CRASHES_MAX} times" in refused.error.message
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
        assert deleted.status == "deleting"
        assert [told.ordinal for told in world.publisher.of(DocumentDeletedV1)] == [1]
        await until(lambda: not world.blobs.objects)

        async def purged() -> bool:
            return (await world.see(document)).name == document

        await until(purged)
        await world.answer_all()
        assert (await world.see(document)).status == "deleting"
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
    assert (await world.see(document)).status == "deleting"
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
