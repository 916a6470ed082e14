"""Indexing and forgetting: once however often, in whatever order, with what was announced."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.envelope import Context
from contracts.ingestion.document import Counts
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.ingestion.manifest import ChunkLine, encode_vector, write
from contracts.platform.replies import RequestFailedV1
from contracts.platform.usage import ModelUsedV2
from contracts.retrieval.events import DocumentIndexedV1
from contracts.retrieval.search import SearchRequestedV1
from services.retrieval.controllers.document_chunked import DocumentChunked
from services.retrieval.controllers.document_deleted import DocumentDeleted
from services.retrieval.controllers.search_requested import SearchRequested
from services.retrieval.models.document import Head
from services.retrieval.models.scope import Scope
from services.retrieval.services.forgetting import Forgetting
from services.retrieval.services.indexing import Indexing
from services.retrieval.services.manifests import Manifests
from services.retrieval.services.search import Search
from services.retrieval.services.spending import Meter
from shared.errors import NoSuchObject, Unavailable
from shared.outcomes import Done, Reject
from tests.unit.retrieval.fakes import FakeBlobs, FakeModel, FakePublisher
from tests.unit.retrieval.making import DIMENSION, MAPPING, passages_of
from tests.unit.retrieval.memory_store import MemoryStore

TEXTS = ["the harbour froze", "apples ripen"]


def context(message_id: str = "message-1") -> Context:
    return Context(tenant="acme", causation_id=message_id)


class House:
    """The two index controllers with everything around them fake."""

    def __init__(self) -> None:
        self.store, self.blobs, self.publisher = MemoryStore(), FakeBlobs(), FakePublisher()
        self.model = FakeModel()
        manifests = Manifests(self.blobs, self.model, self.publisher, MAPPING)
        indexing = Indexing(self.store, manifests, self.publisher)
        self.chunked = DocumentChunked(indexing)
        self.deleted = DocumentDeleted(Forgetting(self.store))

    async def announce(self, ordinal: int = 1, **changes: Any) -> DocumentChunkedV1:
        """Puts a manifest and gives the message about it."""
        key = f"manifests/acme/d/{ordinal}.jsonl"
        await self.blobs.put(key, write(lines(ordinal)))
        fields = {
            "document_id": "d",
            "name": "d.md",
            "ordinal": ordinal,
            "content_hash": "h",
            "manifest_key": key,
            "model": MAPPING.model,
            "dimension": DIMENSION,
            "counts": Counts(chunks=len(TEXTS), pages=2, characters=29),
            "media_type": "text/markdown",
            "created_at": datetime(2024, 5, 1, tzinfo=UTC),
        }
        return DocumentChunkedV1(**fields | changes)

    def indexed(self) -> list[DocumentIndexedV1]:
        return [m for m in self.publisher.messages("documents") if isinstance(m, DocumentIndexedV1)]

    async def found(self, *visible_to: str) -> set[str]:
        scope = Scope("acme", visible_to)
        return {hit.passage_id for hit in await self.store.bm25(scope, " ".join(TEXTS), 10)}


def lines(ordinal: int) -> list[ChunkLine]:
    return [
        ChunkLine(
            passage_id=p.passage.passage_id,
            n=p.passage.n,
            text=p.passage.text,
            start=p.passage.start,
            end=p.passage.end,
            model=MAPPING.model,
            dimension=DIMENSION,
            vector=encode_vector(p.vector),
        )
        for p in passages_of("d", ordinal, TEXTS)
    ]


async def test_a_chunked_version_is_found_and_announced_with_its_counts() -> None:
    house = House()
    assert await house.chunked(await house.announce(), context()) == Done()
    assert await house.found() == {"d:1:0", "d:1:1"}
    (indexed,) = house.indexed()
    assert (indexed.document_id, indexed.ordinal) == ("d", 1)
    assert indexed.counts == Counts(chunks=2, pages=2, characters=29)


async def test_the_same_message_again_changes_and_announces_nothing_new() -> None:
    house = House()
    message = await house.announce()
    for _ in range(3):
        assert await house.chunked(message, context()) == Done()
    assert len(house.store.held) == 1
    assert len(house.indexed()) == 1


async def test_a_resent_message_is_confirmed_again() -> None:
    house = House()
    message = await house.announce()
    await house.chunked(message, context("message-1"))
    del house.blobs.objects[message.manifest_key]
    assert await house.chunked(message, context("message-2")) == Done()
    assert len(house.indexed()) == 2  # and nothing was read or written again


async def test_a_crash_before_the_announcement_is_healed_by_the_next_attempt() -> None:
    house = House()
    message = await house.announce()
    house.publisher.down = True
    with pytest.raises(Unavailable):
        await house.chunked(message, context())
    house.publisher.down = False
    await house.chunked(message, context())
    assert len(house.indexed()) == 1


async def test_an_outdated_version_is_passed_over() -> None:
    house = House()
    await house.chunked(await house.announce(2), context("second"))
    assert await house.chunked(await house.announce(1), context("first")) == Done()
    assert await house.found() == {"d:2:0", "d:2:1"}
    assert [indexed.ordinal for indexed in house.indexed()] == [2]


async def test_a_new_version_removes_the_old_one() -> None:
    house = House()
    await house.chunked(await house.announce(1), context("first"))
    await house.chunked(await house.announce(2), context("second"))
    assert [ordinal for _, _, ordinal in house.store.held] == [2]


async def test_a_delete_that_overtakes_its_document_wins() -> None:
    house = House()
    message = await house.announce()
    await house.deleted(DocumentDeletedV1(document_id="d", ordinal=1), context())
    del house.blobs.objects[message.manifest_key]
    assert await house.chunked(message, context()) == Done()
    assert house.store.held == {}
    assert house.indexed() == []


async def test_a_delete_while_indexing_leaves_nothing_and_announces_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = House()
    index = house.store.index

    async def index_then_bury(*args: Any) -> int:
        count = await index(*args)
        await house.store.bury("acme", "d", 1)
        return count

    monkeypatch.setattr(house.store, "index", index_then_bury)
    assert await house.chunked(await house.announce(), context()) == Done()
    assert house.store.held == {}
    assert house.indexed() == []


async def test_a_deleted_document_leaves_a_tombstone_only() -> None:
    house = House()
    await house.chunked(await house.announce(), context())
    gone = DocumentDeletedV1(document_id="d", ordinal=1)
    assert await house.deleted(gone, context()) == Done()
    assert house.store.held == {}
    assert house.store.head == {("acme", "d"): Head(1, live=False)}


async def test_visibility_goes_with_the_version() -> None:
    house = House()
    await house.chunked(await house.announce(visibility=("group:law",)), context())
    assert await house.found() == set()
    assert await house.found("group:law") == {"d:1:0", "d:1:1"}


async def test_another_models_passages_are_embedded_anew_and_metered() -> None:
    house = House()
    foreign = [
        line.model_copy(update={"model": "other", "dimension": 1, "vector": encode_vector(b"\0\0")})
        for line in lines(1)
    ]
    message = await house.announce(model="other", dimension=1)
    await house.blobs.put(message.manifest_key, write(foreign))
    assert await house.chunked(message, context()) == Done()
    (held,) = house.store.held.values()
    assert [passage.vector for passage in held[1]] == [p.vector for p in passages_of("d", 1, TEXTS)]
    (used,) = house.publisher.messages("usage")
    assert isinstance(used, ModelUsedV2)
    assert (used.purpose, used.calls, used.input_tokens) == ("embed_passages", 2, 7)


@pytest.mark.parametrize("body", [b"{}\n", b"not json\n", write(lines(1)[:1]), b""])
async def test_a_manifest_that_is_not_what_was_announced_is_rejected(body: bytes) -> None:
    house = House()
    message = await house.announce()
    await house.blobs.put(message.manifest_key, body)
    outcome = await house.chunked(message, context())
    assert isinstance(outcome, Reject)
    assert message.manifest_key in outcome.reason
    assert house.store.held == {}


async def test_vectors_shorter_than_announced_are_rejected() -> None:
    house = House()
    message = await house.announce()
    short = [line.model_copy(update={"vector": encode_vector(b"\0" * 4)}) for line in lines(1)]
    await house.blobs.put(message.manifest_key, write(short))
    assert isinstance(await house.chunked(message, context()), Reject)


async def test_a_missing_manifest_is_tried_again() -> None:
    house = House()
    message = await house.announce()
    house.blobs.objects.clear()
    with pytest.raises(NoSuchObject):
        await house.chunked(message, context())


async def test_a_filter_is_refused_rather_than_ignored() -> None:
    house = House()
    search = Search(house.store, FakeModel(), MAPPING, Meter(house.publisher))
    message = SearchRequestedV1(query="harbour", filter={"tag": "a"})
    outcome = await SearchRequested(search)(message, context())
    assert isinstance(outcome, Done)
    assert isinstance(outcome.reply, RequestFailedV1)
    assert outcome.reply.code == "invalid_filter"
