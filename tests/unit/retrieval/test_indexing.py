"""Versions come in and documents are deleted: once however often, in whatever order."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.envelope import Context
from contracts.ingestion.document import Counts
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.ingestion.manifest import ChunkLine, encode_vector, write
from contracts.ingestion.proof import DocumentPurgedV1
from contracts.retrieval.events import DocumentIndexedV1, IndexingRefusedV1
from services.retrieval.models.document import Head
from services.retrieval.models.filter import Scope
from services.retrieval.models.unindexable import RefusedPassage
from shared.errors import NoSuchObject, Unavailable
from shared.outcomes import Done, Outcome, Reject
from tests.unit.retrieval.conftest import OpenHouse
from tests.unit.retrieval.fakes import FakeGraph
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


def changed(at: int, **fields: Any) -> bytes:
    """A manifest with one line that is not as it should be."""
    made = lines(1)
    made[at] = made[at].model_copy(update=fields)
    return write(made)


BAD_MANIFESTS = {
    "no chunk": b'{"text": "secret"}\n',
    "no JSON": b"secret\n",
    "a wrong field": write(lines(1)).replace(b'"start":0', b'"start":"secret"'),
    "half a surrogate pair": write(lines(1)).replace(b"harbour", b"\\ud800"),
    "fewer chunks than announced": write(lines(1)[:1]),
    "empty": b"",
    "a short vector": changed(1, vector=encode_vector(b"\0" * 4)),
    "no base64": changed(1, vector="x"),
    "another document's chunk": changed(1, passage_id="victim:1:1"),
    "another version's chunk": changed(0, passage_id="d:7:0"),
    "a chunk twice": changed(1, n=0, passage_id="d:1:0"),
    "a chunk left out": changed(1, n=2, passage_id="d:1:2"),
}


@pytest.mark.parametrize("body", BAD_MANIFESTS.values(), ids=BAD_MANIFESTS.keys())
async def test_a_manifest_that_can_never_be_indexed_is_refused_once(
    house: House, body: bytes
) -> None:
    message = await announced(house)
    await house.blobs.put(message.manifest_key, body)
    for _ in range(2):
        assert await house.tell(message, context("message-1")) == Done()
    assert house.store.held == {}
    assert indexed(house) == []
    assert {one.channel for one in house.publisher.sent} == {"documents"}
    refused = house.publisher.of(IndexingRefusedV1)
    assert {(one.document_id, one.ordinal, one.code) for one in refused} == {
        ("d", 1, "bad_manifest")
    }
    assert len(set(house.publisher.ids(IndexingRefusedV1))) == 1
    assert "upload it again" in refused[0].message
    assert "secret" not in refused[0].message


async def test_vectors_of_another_length_than_the_index_are_refused(open_house: OpenHouse) -> None:
    """The model answers DIMENSION numbers, whatever the settings say."""
    house = await open_house(embedding_model="other", embedding_dimension=3)
    assert await house.tell(await announced(house), context()) == Done()
    (refused,) = house.publisher.of(IndexingRefusedV1)
    assert refused.code == "other_embedding_space"
    assert "RAGOPS_EMBEDDING_DIMENSION" in refused.message
    assert house.store.held == {}


async def test_a_passage_that_the_store_never_takes_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(*_: Any) -> int:
        raise RefusedPassage("look into the store's log")

    monkeypatch.setattr(house.store, "index", refuses)
    assert await house.tell(await announced(house), context()) == Done()
    (refused,) = house.publisher.of(IndexingRefusedV1)
    assert (refused.code, refused.message) == ("refused_passage", "look into the store's log")


async def test_a_refusal_that_was_not_confirmed_is_sent_again_under_the_same_id(
    house: House,
) -> None:
    message = await announced(house)
    await house.blobs.put(message.manifest_key, b"")
    house.publisher.faults.left = 1
    with pytest.raises(Unavailable):
        await house.tell(message, context())
    assert house.publisher.faults.fired == 1
    assert await house.tell(message, context()) == Done()
    assert len(house.publisher.of(IndexingRefusedV1)) == 1


FORGED_KEYS = {
    "another tenant's": "manifests/victim/d/1.jsonl",
    "another document's": "manifests/acme/private/1.jsonl",
    "another version's": "manifests/acme/d/2.jsonl",
    "no manifest's": "uploads/acme/d",
    "its own, written otherwise": "manifests/acme/d/01.jsonl",
    "a way out": "manifests/acme/../victim/d/1.jsonl",
}


@pytest.mark.parametrize("key", FORGED_KEYS.values(), ids=FORGED_KEYS.keys())
async def test_a_message_that_names_another_manifest_is_rejected(house: House, key: str) -> None:
    message = await announced(house, manifest_key=key)
    await house.blobs.put(key, write(lines(1)))
    outcome = await house.tell(message, context())
    assert isinstance(outcome, Reject)
    assert "manifest_key" in outcome.reason
    assert house.store.held == {}
    assert house.publisher.sent == []


@pytest.mark.parametrize(
    ("document_id", "ordinal"), [("a/b", 1), ("d\x00", 1), ("\ud800", 1), ("d", 2**31)]
)
async def test_what_can_be_no_version_is_rejected_and_hides_nothing(
    house: House, document_id: str, ordinal: int
) -> None:
    await house.tell(await announced(house), context())
    key = f"manifests/acme/{document_id}/{ordinal}.jsonl"
    named = await announced(house, document_id=document_id, ordinal=ordinal, manifest_key=key)
    assert isinstance(await house.tell(named, context()), Reject)
    gone = DocumentDeletedV1(document_id=document_id, ordinal=ordinal)
    assert isinstance(await house.tell(gone, context()), Reject)
    assert await found(house) == {"d:1:0", "d:1:1"}


async def test_a_missing_manifest_is_tried_again(house: House) -> None:
    message = await announced(house)
    house.blobs.objects.clear()
    with pytest.raises(NoSuchObject):
        await house.tell(message, context())


async def test_a_graph_that_fails_after_the_store_leaves_the_version_unseen_until_it_is_back(
    open_house: OpenHouse,
) -> None:
    graph = FakeGraph()
    house = await open_house(beside=graph)
    await house.tell(await announced(house, 1), context("first"))
    graph.faults.left = 2
    message = await announced(house, 2)
    for _ in range(2):
        with pytest.raises(Unavailable, match="neo4j"):
            await house.tell(message, context("second"))
        assert ("acme", "d", 2) in house.store.held
        assert await found(house) == {"d:1:0", "d:1:1"}
        assert [event.ordinal for event in indexed(house)] == [1]
    assert graph.faults.fired == 2
    assert await house.tell(message, context("second")) == Done()
    assert await found(house) == {"d:2:0", "d:2:1"}
    assert [event.ordinal for event in indexed(house)] == [1, 2]
    assert graph.held == {("acme", "d", 2)}


async def test_a_deletion_that_the_graph_misses_hides_at_once_and_is_finished_later(
    open_house: OpenHouse,
) -> None:
    graph = FakeGraph()
    house = await open_house(beside=graph)
    await house.tell(await announced(house), context())
    graph.faults.left = 1
    with pytest.raises(Unavailable, match="neo4j"):
        await delete(house)
    assert graph.faults.fired == 1
    assert await found(house) == set()
    assert await delete(house) == Done()
    assert graph.held == set()


async def test_a_deletion_is_confirmed_with_what_the_stores_removed(house: House) -> None:
    """A second time confirms, too: the first confirmation may be lost."""
    await house.tell(await announced(house), context())
    for removed in (len(TEXTS), 0):
        assert await delete(house) == Done()
        told = house.publisher.of(DocumentPurgedV1)[-1]
        assert (told.document_id, told.ordinal, told.service) == ("d", 1, "retrieval")
        assert {one.place: one.removed for one in told.places} == {"passages": removed, "names": 0}


async def test_a_deletion_that_the_graph_missed_is_not_confirmed(open_house: OpenHouse) -> None:
    graph = FakeGraph()
    house = await open_house(beside=graph)
    await house.tell(await announced(house), context())
    graph.faults.left = 1
    with pytest.raises(Unavailable, match="neo4j"):
        await delete(house)
    assert graph.faults.fired == 1
    assert house.publisher.of(DocumentPurgedV1) == []
