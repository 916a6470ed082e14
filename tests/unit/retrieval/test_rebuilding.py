"""A store filled from the manifests: whole, once, nothing that was deleted or not yet shown."""

import pytest

from contracts.ingestion.manifest import ChunkLine, manifest_key, read_key, write
from services.retrieval.models.document import Head, Version
from services.retrieval.models.embedding_space import EmbeddingSpace
from services.retrieval.services.indexing.manifests import Manifests
from services.retrieval.services.indexing.rebuilding import Rebuild, Rebuilt
from shared.errors import NoSuchObject
from shared.metering import Metering
from shared.testing.fakes import FakeBlobs, FakePublisher
from tests.unit.retrieval.fakes import FakeModel
from tests.unit.retrieval.making import DIMENSION, SPACE
from tests.unit.retrieval.manifest_lines import lines_of, put_manifest
from tests.unit.retrieval.memory_store import MemoryStore

TEXTS = ["the harbour froze", "apples ripen"]
OTHER = EmbeddingSpace("other.embedder", DIMENSION)


class Watched:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.rounds: list[int] = []
        self.documents = 0

    def round(self, documents: int) -> None:
        self.rounds.append(documents)

    def done(self) -> None:
        self.documents += 1


class Yard:
    """A store of `space` to be filled, with everything around it fake."""

    def __init__(self, space: EmbeddingSpace = SPACE) -> None:
        self.store, self.blobs, self.model = MemoryStore(), FakeBlobs(), FakeModel()
        self.publisher, self.watched = FakePublisher(), Watched()
        self.metering = Metering("retrieval", self.publisher)
        self.manifests = Manifests(self.blobs, self.model, self.metering, space)

    async def rebuild(self) -> Rebuilt:
        return await Rebuild(self.store, self.manifests, self.blobs).run(self.watched)


async def test_an_empty_store_gets_the_newest_version_of_each_document() -> None:
    yard = Yard()
    await put_manifest(yard.blobs, "acme", "d", 1, TEXTS[:1])
    await put_manifest(yard.blobs, "acme", "d", 2, TEXTS)
    await put_manifest(yard.blobs, "other", "d", 1, TEXTS)
    rebuilt = await yard.rebuild()
    assert (rebuilt.documents, rebuilt.passages, rebuilt.unreadable) == (2, 4, {})
    assert set(yard.store.held) == {("acme", "d", 2), ("other", "d", 1)}
    assert yard.store.head["acme", "d"] == Head(2, live=True)
    assert yard.model.embedded == []
    described: Version = yard.store.held["acme", "d", 2][0]
    assert (described.name, described.tags, described.metadata) == (
        "d.md",
        ("a", "b"),
        {"year": 2024},
    )
    assert yard.watched.documents == sum(yard.watched.rounds)


async def test_another_model_embeds_each_passage_once_however_often_it_runs() -> None:
    yard = Yard(OTHER)
    await put_manifest(yard.blobs, "acme", "d", 1, TEXTS)
    assert (await yard.rebuild()).passages == 2
    assert (await yard.rebuild()).passages == 0
    assert yard.model.embedded == TEXTS
    await yard.metering.drain()
    assert len(yard.publisher.on("usage")) == 1


async def test_a_deleted_document_stays_deleted() -> None:
    yard = Yard()
    await put_manifest(yard.blobs, "acme", "d", 1, TEXTS)
    await yard.store.hide("acme", "d", 1)
    assert (await yard.rebuild()).documents == 0
    assert yard.store.held == {}


async def test_a_version_above_the_served_one_is_left_to_its_own_message() -> None:
    yard = Yard()
    await put_manifest(yard.blobs, "acme", "d", 1, TEXTS)
    await yard.store.promote("acme", "d", 1)
    await put_manifest(yard.blobs, "acme", "d", 2, TEXTS)
    await yard.rebuild()
    assert set(yard.store.held) == {("acme", "d", 1)}
    assert yard.store.head["acme", "d"] == Head(1, live=True)


async def test_a_version_that_is_replaced_meanwhile_comes_in_the_next_round() -> None:
    yard = Yard()
    await put_manifest(yard.blobs, "acme", "d", 1, TEXTS)
    await put_manifest(yard.blobs, "acme", "steady", 1, TEXTS)
    replaced = False
    read = yard.manifests.blobs.get

    async def get(key: str, limit_bytes: int | None = None) -> bytes:
        nonlocal replaced
        if key == manifest_key("acme", "d", 1) and not replaced:
            replaced = True
            await put_manifest(yard.blobs, "acme", "d", 2, TEXTS)
            raise NoSuchObject(key)
        return await read(key, limit_bytes)

    yard.blobs.get = get  # type: ignore[method-assign]
    await yard.rebuild()
    assert replaced
    assert yard.store.head["acme", "d"] == Head(2, live=True)


@pytest.mark.parametrize("body", [b"not json\n", b""])
async def test_what_cannot_be_read_is_named_and_the_others_are_written(body: bytes) -> None:
    yard = Yard()
    await put_manifest(yard.blobs, "acme", "good", 1, TEXTS)
    key = manifest_key("acme", "bad", 1)
    await yard.blobs.put(key, body)
    rebuilt = await yard.rebuild()
    assert rebuilt.documents == 1
    assert set(rebuilt.unreadable) == {key}


async def test_a_manifest_from_before_versions_were_described_says_what_to_do() -> None:
    yard = Yard()
    old: list[ChunkLine] = [
        line.model_copy(update={"version": None}) for line in lines_of("d", 1, TEXTS)
    ]
    key = manifest_key("acme", "d", 1)
    await yard.blobs.put(key, write(old))
    rebuilt = await yard.rebuild()
    assert "delete the document" in rebuilt.unreadable[key]


def test_a_manifests_key_is_read_back_and_no_other() -> None:
    assert read_key(manifest_key("acme", "d", 12)) == ("acme", "d", 12)
    for other in ("uploads/acme/d/1.jsonl", "manifests/acme/1.jsonl", "manifests/a/d/x.jsonl"):
        assert read_key(other) is None
