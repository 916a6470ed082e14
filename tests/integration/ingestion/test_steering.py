"""People retry, cancel and reindex documents."""

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal

import pytest

from contracts.ingestion.commands import CancelDocumentV1, ReindexDocumentV1, RetryDocumentV1
from contracts.ingestion.document import document_id
from contracts.ingestion.events import DocumentChunkedV1, DocumentFailedV1
from contracts.ingestion.manifest import manifest_key
from contracts.ingestion.queries import DocumentStateV1, DocumentSummary, ListDocumentsV1
from contracts.message import Message
from contracts.platform.replies import RequestFailedV1
from services.ingestion.bootstrap import QUERIES
from shared.ports import Embedded, EmbedRole, ModelReport
from shared.testing.probe import until
from tests.integration.ingestion.crashing import die
from tests.integration.ingestion.world import World
from tests.unit.ingestion.fakes import BrokenModel, HashModel

STUCK_S = 200.0
# Of what was just asked for: a worker may have begun before the answer was written.
BEGUN = ("accepted", "parsing", "embedding")
LONG = "\n\n".join(f"Paragraph {n}. " + "It says something of use. " * 80 for n in range(40))


async def steer(world: World, message: Message, tenant: str = "acme") -> DocumentSummary | str:
    """The document, or the refusal's code and words."""
    reply = await world.handle(QUERIES, message, tenant)
    if isinstance(reply, RequestFailedV1):
        return f"{reply.code}: {reply.message}"
    assert isinstance(reply, DocumentStateV1)
    return reply.document


async def done(world: World, message: Message) -> DocumentSummary:
    answer = await steer(world, message)
    assert isinstance(answer, DocumentSummary), answer
    return answer


async def indexed(world: World, document: str, ordinal: int = 1) -> DocumentSummary:
    await world.ends(document, "indexing", ordinal)
    await world.answer_all()
    return await world.ends(document, "ready", ordinal)


async def test_a_rejected_document_is_retried_when_its_file_is_there(world: World) -> None:
    document = await world.offer("a.txt", key="uploads/acme/1/a.txt")
    async with world.working():
        rejected = await world.ends(document, "rejected")
        assert (rejected.attempts, rejected.error and rejected.error.code) == (1, "missing")
        world.blobs.objects["uploads/acme/1/a.txt"] = b"It is here now."
        again = await done(world, RetryDocumentV1(document_id=document))
        assert (again.ordinal, again.error) == (1, None)
        assert again.status in BEGUN
        await indexed(world, document)


async def test_a_text_is_kept_for_a_retry_and_a_version_counts_its_attempts_anew(
    world: World,
) -> None:
    document = await world.offer("a.txt", "Some text.")
    kept, world.model = world.model, BrokenModel()
    async with world.working():
        failed = await world.ends(document, "failed")
        await until(lambda: world.publisher.of(DocumentFailedV1))
    assert (failed.attempts, world.model.faults.fired) == (5, 5)
    assert failed.error is not None
    assert "Retry it" in failed.error.message
    world.model = kept
    async with world.working():
        assert (await done(world, RetryDocumentV1(document_id=document))).attempts == 0
        ready = await indexed(world, document)
    assert ready.attempts == 1
    [told] = world.publisher.of(DocumentFailedV1)
    assert told.status == "failed"


async def test_a_version_that_retrieval_refused_is_retried(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "text")
        await world.ends(document, "indexing")
        [chunked] = world.publisher.of(DocumentChunkedV1)
        await world.refuse(chunked)
        assert (await world.see(document)).status == "failed"
        await done(world, RetryDocumentV1(document_id=document))
        await world.ends(document, "indexing")
        await world.answer(chunked)
        assert (await world.see(document)).status == "ready"


@pytest.mark.parametrize("stage", ["parsing", "embedding"])
async def test_cancel_stops_the_work_and_a_retry_goes_on(world: World, stage: str) -> None:
    world.parse_timeout_s = STUCK_S
    world.timing["embedding_after_s"] = 0.0
    # Plain text is read at once, HTML by a child process.
    kind, body = ("html", b"hang") if stage == "parsing" else ("txt", LONG.encode())
    if stage == "embedding":
        world.model.gate.clear()
    key = f"uploads/acme/1/a.{kind}"
    world.blobs.objects[key] = body
    began = time.monotonic()
    async with world.working(die):
        document = await world.offer(f"a.{kind}", key=key)
        await world.ends(document, stage)
        cancelled = await done(world, CancelDocumentV1(document_id=document))
        assert (cancelled.status, cancelled.error and cancelled.error.code) == (
            "failed",
            "cancelled",
        )
        assert (cancelled.attempts, cancelled.progress) == (1, None)
        assert (await done(world, CancelDocumentV1(document_id=document))).status == "failed"
        assert manifest_key("acme", document, 1) not in world.blobs.objects
        world.model.gate.set()
        # There is one child process: it reads this only when it was freed of what was cancelled.
        world.blobs.objects[key] = b"A short text."
        await done(world, RetryDocumentV1(document_id=document))

        async def goes_on() -> bool:
            return (await world.see(document)).status == "indexing"

        await until(goes_on, within_s=STUCK_S / 2)
        assert time.monotonic() - began < STUCK_S
        [chunked] = world.publisher.of(DocumentChunkedV1)
        assert [line.text for line in world.lines(chunked)] != []
    assert [told.error.code for told in world.publisher.of(DocumentFailedV1)] == ["cancelled"]


async def test_cancel_leaves_the_version_that_is_ready(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "first")
        await indexed(world, document)
        world.model.gate.clear()
        await world.offer("a.txt", "second")
        await until(lambda: world.model.waiting)
        cancelled = await done(world, CancelDocumentV1(document_id=document))
        assert (cancelled.status, cancelled.ordinal) == ("failed", 2)
        world.model.gate.set()
    states = await of_versions(world, document)
    assert states == {1: "ready", 2: "failed"}
    assert manifest_key("acme", document, 1) in world.blobs.objects


async def test_a_document_that_waits_is_cancelled(world: World) -> None:
    document = await world.offer("a.txt", "text")
    assert (await done(world, CancelDocumentV1(document_id=document))).attempts == 0
    assert await world.worklist.claim(1) == []


async def test_cancel_removes_what_a_dead_worker_wrote(world: World) -> None:
    document = await world.offer("a.txt", "text")
    [_dead] = await world.worklist.claim(1)
    world.blobs.objects[manifest_key("acme", document, 1)] = b"written before it died"
    await done(world, CancelDocumentV1(document_id=document))
    assert manifest_key("acme", document, 1) not in world.blobs.objects


async def test_reindex_reads_the_same_bytes_as_a_new_version(world: World) -> None:
    at = "uploads/acme/1/a.txt"
    world.blobs.objects[at] = LONG.encode()[:20_000]
    async with world.working():
        for name, text, key in (("file.txt", None, at), ("text.txt", "Some text.", None)):
            document = await world.offer(name, text, key=key, tags=["t"], metadata={"year": 2020})
            first = await indexed(world, document)
            embedded = len(world.model.texts)
            again = await done(world, ReindexDocumentV1(document_id=document))
            assert again.ordinal == 2
            assert again.status in BEGUN
            # A second request, or the same one again, begins nothing new.
            assert (await done(world, ReindexDocumentV1(document_id=document))).ordinal == 2
            second = await indexed(world, document, 2)
            assert len(world.model.texts) == embedded, "the vectors come from the cache"
            assert (second.counts, second.tags, second.metadata) == (
                first.counts,
                ("t",),
                {"year": 2020},
            )
            assert await of_versions(world, document) == {1: "superseded", 2: "ready"}


async def test_what_the_state_does_not_allow_is_refused_with_words(world: World) -> None:
    key = "uploads/acme/1/a.txt"
    world.blobs.objects[key] = b"Some text."
    async with world.working():
        document = await world.offer("a.txt", key=key)
        await world.ends(document, "indexing")
        refused = await steer(world, CancelDocumentV1(document_id=document))
        assert refused == (
            "not_possible: It is indexing: its text is read, and the search index takes it in now."
            " Delete it instead."
        )
        # Under way already.
        for kind in (RetryDocumentV1, ReindexDocumentV1):
            assert (await done(world, kind(document_id=document))).status == "indexing"
        await world.answer_all()
        retried = await steer(world, RetryDocumentV1(document_id=document))
        assert "is ready, so there is nothing to retry" in str(retried)
        assert "Delete it" in str(await steer(world, CancelDocumentV1(document_id=document)))
        del world.blobs.objects[key]
        assert "Upload the document again" in str(
            await steer(world, ReindexDocumentV1(document_id=document))
        )
        rejected = await world.offer("c.txt", " ")
        await world.ends(rejected, "rejected")
        assert "Retry it" in str(await steer(world, ReindexDocumentV1(document_id=rejected)))
        assert "Retry or delete" in str(await steer(world, CancelDocumentV1(document_id=rejected)))


@pytest.mark.parametrize("kind", [RetryDocumentV1, CancelDocumentV1, ReindexDocumentV1])
async def test_nobody_steers_what_they_may_not_see(world: World, kind: type[Message]) -> None:
    document = await world.offer("a.txt", "text", visibility=["user:ann"])
    gone = await world.offer("b.txt", "text")
    await world.delete(gone)
    refused = {
        await steer(world, kind.model_validate({"document_id": one} | more), tenant)
        for one, more, tenant in (
            (document, {"visible_to": ("user:bob",)}, "acme"),
            (document, {}, "globex"),
            (gone, {}, "acme"),
            ("no such id", {}, "acme"),
            ("\0", {}, "acme"),
        )
    }
    assert refused == {"not_found: There is no such document."}
    assert (await world.see(document)).status == "accepted"


async def test_a_request_that_comes_twice_makes_one_version(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "text")
        await indexed(world, document)
        message = ReindexDocumentV1(document_id=document)
        await world.handle(QUERIES, message, message_id="once")
        await indexed(world, document, 2)
        await world.handle(QUERIES, message, message_id="once")
        assert (await world.see(document)).ordinal == 2


async def test_deleting_removes_the_text_that_was_kept(world: World) -> None:
    canary = "canary7c1e"
    async with world.working():
        document = await world.offer("a.txt", f"The code is {canary}.")
        await indexed(world, document)
        assert await holding(world, canary) == 1
        await world.offer("a.txt", f"The code is still {canary}.")
        await indexed(world, document, 2)
        await world.delete(document)

        async def purged() -> bool:
            return await holding(world, canary) == 0

        await until(purged)


async def test_a_replaced_text_goes_with_its_version(world: World) -> None:
    async with world.working():
        document = await world.offer("a.txt", "The old canary7c1e.")
        await indexed(world, document)
        await world.offer("a.txt", "The new text.")
        await indexed(world, document, 2)
        async with world.database.transaction() as transaction:
            await transaction.execute("UPDATE versions SET due_at = now() WHERE ordinal = 1")

        async def purged() -> bool:
            return await holding(world, "canary7c1e") == 0

        await until(purged)


async def holding(world: World, word: str) -> int:
    """Rows of versions in which the word stands."""
    sql = "SELECT count(*) AS n FROM versions v WHERE CAST(v AS text) LIKE :word"
    async with world.database.transaction() as transaction:
        return int((await transaction.execute(sql, {"word": f"%{word}%"})).scalar_one())


async def of_versions(world: World, document: str) -> dict[int, str]:
    sql = "SELECT ordinal, status FROM versions WHERE document_id = :id"
    async with world.database.transaction() as transaction:
        rows = await transaction.execute(sql, {"id": document})
        return {row.ordinal: row.status for row in rows}


class PricedModel(HashModel):
    """A character costs a hundredth; each call after the first waits for the gate."""

    async def embed(self, model: str, texts: Sequence[str], role: EmbedRole) -> Embedded:
        if self.texts:
            self.waiting += 1
            await self.gate.wait()
            self.waiting -= 1
        self.texts += texts
        size = sum(map(len, texts))
        report = ModelReport(model, size, 0, Decimal(size) / 100, calls=len(texts))
        vectors = (await HashModel().embed(model, texts, role)).vectors
        return Embedded(vectors, report)


async def test_progress_timings_trace_and_cost_are_seen(world: World) -> None:
    world.model = PricedModel()
    world.model.gate.clear()
    traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with world.working():
        document = await world.offer("a.txt", LONG)
        async with world.database.transaction() as transaction:
            await transaction.execute(
                "UPDATE versions SET origin = jsonb_set(origin, '{traceparent}', to_jsonb(CAST("
                ":trace AS text)))",
                {"trace": traced},
            )

        async def half_done() -> bool:
            seen = await world.see(document)
            return seen.status == "embedding" and bool(seen.progress and 0 < seen.progress < 1)

        await until(half_done)
        world.model.gate.set()
        ready = await indexed(world, document)
    assert ready.progress is None
    assert ready.stages.keys() == {"waiting", "parsing", "embedding", "indexing"}
    assert all(0 <= seconds < 60 for seconds in ready.stages.values())
    assert ready.stages["embedding"] > 0
    assert ready.cost_usd == Decimal(sum(map(len, world.model.texts))) / 100
    assert ready.trace_id == traced.split("-")[1]
    assert ready.attempts == 1


async def test_small_documents_are_never_noted_as_embedding(world: World) -> None:
    """It would cost a statement each."""
    world.timing["embedding_after_s"] = 60.0
    world.model.gate.clear()
    async with world.working():
        document = await world.offer("a.txt", "text")
        await until(lambda: world.model.waiting)
        world.model.gate.set()
        await indexed(world, document)
    async with world.database.transaction() as transaction:
        seen = {row.after for row in await transaction.execute("SELECT after FROM changes")}
    assert seen == {"accepted", "parsing", "indexing", "ready"}


async def test_a_page_is_chosen_by_state_name_and_tag(world: World) -> None:
    async with world.working():
        for n in range(6):
            text = " " if n % 3 == 0 else f"text {n}"
            tags = ["even"] if n % 2 == 0 else ["odd"]
            name = f"{'ÄRGER' if n < 3 else 'x_y'} {n}.txt"
            document = await world.offer(name, text, tags=tags, visibility=["user:ann"])
            await world.ends(document, "rejected" if n % 3 == 0 else "indexing")
        waiting = await world.offer("last.txt", "text", visibility=["user:bob"])
        await world.ends(waiting, "indexing")

    async def names(**fields: object) -> list[str]:
        page = await world.page(**fields)
        return [one.name for one in page.documents]

    assert await names(state="rejected") == ["x_y 3.txt", "ÄRGER 0.txt"]
    assert await names(state="ready") == []
    assert len(await names(state="indexing")) == 5
    assert "last.txt" not in await names(state="indexing", visible_to=("user:ann",))
    assert await names(query="ärger", tag="even") == ["ÄRGER 2.txt", "ÄRGER 0.txt"]
    assert await names(query="_") == ["x_y 5.txt", "x_y 4.txt", "x_y 3.txt"]
    assert await names(query="%") == []
    first = await world.page(state="indexing", query="x", limit=3)
    assert first.next is not None
    more = await world.page(state="indexing", query="x", limit=3, after=first.next)
    found = [one.name for one in (*first.documents, *more.documents)]
    assert found == ["last.txt", "x_y 5.txt", "x_y 4.txt", "ÄRGER 2.txt", "ÄRGER 1.txt"]
    assert more.next is None
    refused = await world.handle(QUERIES, ListDocumentsV1(state="deleted"))
    assert isinstance(refused, RequestFailedV1)
    assert refused.code == "invalid_request"
    assert "rejected" in refused.message


async def test_cancel_and_the_workers_last_step_never_both_win(world: World) -> None:
    """Whoever commits first decides; the other changes nothing."""
    outcomes = set()
    async with world.working():
        for n in range(30):
            document = await world.offer(f"{n}.txt", f"text {n}")
            await asyncio.sleep(0.002 * (n % 10))
            reply = await world.handle(QUERIES, CancelDocumentV1(document_id=document))
            if isinstance(reply, DocumentStateV1):
                assert reply.document.status == "failed"
                outcomes.add("failed")
            else:
                await world.ends(document, "indexing")
                outcomes.add("indexing")
    assert "failed" in outcomes
    for n in range(30):
        document = document_id("acme", f"{n}.txt")
        state = (await world.see(document)).status
        assert (manifest_key("acme", document, 1) in world.blobs.objects) == (state == "indexing")
