"""Versions come in and documents are deleted: once however often, in whatever order."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.envelope import Context
from contracts.ingestion.document import Counts
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.ingestion.manifest import ChunkLine, encode_vector, write
from contracts.retrieval.events import DocumentIndexedV1
from services.retrieval.models.document import Head
from services.retrieval.models.filter import Scope
from shared.errors import NoSuchObject, Unavailable
from shared.outcomes import Done, Outcome, Reject
from tests.unit.retrieval.house import House
from tests.unit.retrieval.making import DIMENSION, SPACE, passages_of

TEXTS = ["the harbour froze", "apples ripen"]


def context(message_id: str = "message-1") -> Context:
    return Context(tenant="acme", causation_id=message_id)


async def announced(house: House, ordinal: int = 1, **changes: Any) -> DocumentChunkedV1:
    """Puts a manifest and returns the message about it."""
    key = f"manifests/acme/d/{ordinal}.jsonl"
    await house.blobs.put(key, write(lines(ordinal)))
    fields = {
        "document_id": "d",
        "name": "d.md",
        "ordinal": ordinal,
        "content_hash": "h",
        "manifest_key": key,
        "model": SPACE.model,
        "dimension": DIMENSION,
        "counts": Counts(chunks=len(TEXTS), pages=2, characters=29),
        "media_type": "text/markdown",
        "created_at": datetime(2024, 5, 1, tzinfo=UTC),
    }
    return DocumentChunkedV1(**fields | changes)


async def delete(house: House) -> Outcome:
    return await house.tell(DocumentDeletedV1(document_id="d", ordinal=1), context())


def indexed(house: House) -> list[DocumentIndexedV1]:
    """Without those that a receiver has seen already."""
    kind = DocumentIndexedV1
    by_id = dict(zip(house.publisher.ids(kind), house.publisher.of(kind), strict=True))
    return list(by_id.values())


async def found(house: House, *visible_to: str) -> set[str]:
    scope = Scope("acme", visible_to)
    return {hit.passage_id for hit in await house.store.bm25(scope, " ".join(TEXTS), 10)}


def lines(ordinal: int) -> list[ChunkLine]:
    return [
        ChunkLine(
            passage_id=p.passage.passage_id,
            n=p.passage.n,
            text=p.passage.text,
            start=p.passage.start,
            end=p.passage.end,
            model=SPACE.model,
            dimension=DIMENSION,
            vector=encode_vector(p.vector),
        )
        for p in passages_of("d", ordinal, TEXTS)
    ]


async def test_a_chunked_version_is_found_and_announced_with_its_counts(house: House) -> None:
    assert await house.tell(await announced(house), context()) == Done()
    assert await found(house) == {"d:1:0", "d:1:1"}
    (event,) = indexed(house)
    assert (event.document_id, event.ordinal) == ("d", 1)
    assert event.counts == Counts(chunks=2, pages=2, characters=29)


async def test_the_same_message_again_changes_and_announces_nothing_new(house: House) -> None:
    message = await announced(house)
    for _ in range(3):
        assert await house.tell(message, context()) == Done()
    assert len(house.store.held) == 1
    assert len(indexed(house)) == 1


async def test_a_resent_message_is_confirmed_again(house: House) -> None:
    message = await announced(house)
    await house.tell(message, context("message-1"))
    del house.blobs.objects[message.manifest_key]
    assert await house.tell(message, context("message-2")) == Done()
    assert len(indexed(house)) == 2  # and nothing was read or written again


async def test_a_crash_before_the_announcement_is_healed_by_the_next_attempt(house: House) -> None:
    message = await announced(house)
    house.publisher.faults.left = 1
    with pytest.raises(Unavailable):
        await house.tell(message, context())
    assert house.publisher.faults.fired == 1
    await house.tell(message, context())
    assert len(indexed(house)) == 1


async def test_an_outdated_version_is_passed_over(house: House) -> None:
    await house.tell(await announced(house, 2), context("second"))
    assert await house.tell(await announced(house, 1), context("first")) == Done()
    assert await found(house) == {"d:2:0", "d:2:1"}
    assert [event.ordinal for event in indexed(house)] == [2]


async def test_a_new_version_removes_the_old_one(house: House) -> None:
    await house.tell(await announced(house, 1), context("first"))
    await house.tell(await announced(house, 2), context("second"))
    assert [ordinal for _, _, ordinal in house.store.held] == [2]


async def test_a_delete_that_overtakes_its_document_wins(house: House) -> None:
    message = await announced(house)
    await delete(house)
    del house.blobs.objects[message.manifest_key]
    assert await house.tell(message, context()) == Done()
    assert house.store.held == {}
    assert indexed(house) == []


async def test_a_delete_while_indexing_leaves_nothing_and_announces_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = house.store.index

    async def index_then_hide(*args: Any) -> int:
        count = await index(*args)
        await house.store.hide("acme", "d", 1)
        return count

    monkeypatch.setattr(house.store, "index", index_then_hide)
    assert await house.tell(await announced(house), context()) == Done()
    assert house.store.held == {}
    assert indexed(house) == []


async def test_a_deleted_document_leaves_a_tombstone_only(house: House) -> None:
    await house.tell(await announced(house), context())
    assert await delete(house) == Done()
    assert house.store.held == {}
    assert house.store.head == {("acme", "d"): Head(1, live=False)}


async def test_visibility_goes_with_the_version(house: House) -> None:
    await house.tell(await announced(house, visibility=("group:law",)), context())
    assert await found(house) == set()
    assert await found(house, "group:law") == {"d:1:0", "d:1:1"}


async def test_another_models_passages_are_embedded_anew_and_metered(house: House) -> None:
    foreign = [
        line.model_copy(update={"model": "other", "dimension": 1, "vector": encode_vector(b"\0\0")})
        for line in lines(1)
    ]
    message = await announced(house, model="other", dimension=1)
    await house.blobs.put(message.manifest_key, write(foreign))
    assert await house.tell(message, context()) == Done()
    (held,) = house.store.held.values()
    assert [passage.vector for passage in held[1]] == [p.vector for p in passages_of("d", 1, TEXTS)]
    (used,) = await house.used()
    assert used.service == "retrieval"
    assert (used.purpose, used.calls, used.input_tokens) == ("embed_passages", 2, 7)


@pytest.mark.parametrize("body", [b"{}\n", b"not json\n", write(lines(1)[:1]), b""])
async def test_a_manifest_that_is_not_what_was_announced_is_rejected(
    house: House, body: bytes
) -> None:
    message = await announced(house)
    await house.blobs.put(message.manifest_key, body)
    outcome = await house.tell(message, context())
    assert isinstance(outcome, Reject)
    assert message.manifest_key in outcome.reason
    assert house.store.held == {}


async def test_vectors_shorter_than_announced_are_rejected(house: House) -> None:
    message = await announced(house)
    short = [line.model_copy(update={"vector": encode_vector(b"\0" * 4)}) for line in lines(1)]
    await house.blobs.put(message.manifest_key, write(short))
    assert isinstance(await house.tell(message, context()), Reject)


async def test_a_missing_manifest_is_tried_again(house: House) -> None:
    message = await announced(house)
    house.blobs.objects.clear()
    with pytest.raises(NoSuchObject):
        await house.tell(message, context())
