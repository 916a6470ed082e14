"""Another embedding model on real stores: filled beside the one that serves, then switched."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from contracts.envelope import Context
from contracts.ingestion.manifest import manifest_key
from services.retrieval.models.embedding_space import EmbeddingSpace, OtherEmbeddingSpace
from services.retrieval.models.filter import Scope
from services.retrieval.rebuild import main
from services.retrieval.services.indexing.indexing import Deletion
from services.retrieval.services.indexing.manifests import Manifests
from services.retrieval.services.indexing.rebuilding import Rebuild, Rebuilt
from services.retrieval.services.ports import Successor
from services.retrieval.settings import RetrievalSettings
from services.retrieval.store.opensearch.store import open_opensearch
from services.retrieval.store.sqlite.store import open_sqlite
from shared.metering import Metering
from shared.testing.fakes import FakeBlobs, FakePublisher
from tests.unit.retrieval.fakes import FakeModel
from tests.unit.retrieval.making import DIMENSION, SPACE, unit_vector
from tests.unit.retrieval.manifest_lines import put_manifest
from tests.unit.retrieval.test_rebuilding import Watched

OTHER = EmbeddingSpace("other.embedder", DIMENSION)
DOCUMENTS = 40
ACME = Scope("acme")
Open = Callable[..., AbstractAsyncContextManager[Successor]]


@pytest.fixture
def open_sqlite_at(tmp_path: Path) -> Open:
    return lambda space, **how: open_sqlite(tmp_path, space, **how)


@pytest.fixture
def open_opensearch_at(opensearch_url: str, prefix: str) -> Open:
    return lambda space, **how: open_opensearch(opensearch_url, space, prefix, **how)


STORES = ["open_sqlite_at", pytest.param("open_opensearch_at", marks=pytest.mark.real)]


@pytest.fixture(params=STORES)
def opened(request: pytest.FixtureRequest) -> Open:
    made: Open = request.getfixturevalue(request.param)
    return made


@dataclass
class Town:
    """A store of SPACE that serves, and the manifests of what is in it."""

    opened: Open
    store: Successor
    blobs: FakeBlobs
    model: FakeModel

    async def rebuild(self, store: Successor, space: EmbeddingSpace) -> Rebuilt:
        metering = Metering("retrieval", FakePublisher())
        manifests = Manifests(self.blobs, self.model, metering, space)
        return await Rebuild(store, manifests, self.blobs).run(Watched())


@pytest_asyncio.fixture
async def town(opened: Open) -> AsyncIterator[Town]:
    async with opened(SPACE) as store:
        made = Town(opened, store, FakeBlobs(), FakeModel())
        for n in range(DOCUMENTS):
            await put_manifest(made.blobs, "acme", f"d{n}", 1, [f"the harbour froze {n}", "apples"])
        assert (await made.rebuild(store, SPACE)).documents == DOCUMENTS
        yield made


async def found(store: Successor) -> int:
    """By words and by meaning, as a search does."""
    words = {hit.document_id for hit in await store.bm25(ACME, "harbour", 100)}
    near = {
        hit.document_id for hit in await store.dense(ACME, unit_vector("the harbour froze"), 100)
    }
    return len(words & near)


async def test_the_old_index_serves_until_the_new_one_is_whole(town: Town) -> None:
    built = asyncio.Event()
    seen: set[int] = set()

    async def ask() -> None:
        while not built.is_set():
            seen.add(await found(town.store))

    asking = asyncio.create_task(ask())
    async with town.opened(OTHER, successor=True) as successor:
        rebuilt = await town.rebuild(successor, OTHER)
        assert (rebuilt.documents, rebuilt.passages) == (DOCUMENTS, 2 * DOCUMENTS)
        await successor.serve()
        built.set()
        await asking
        assert seen == {DOCUMENTS}
        assert await found(successor) == DOCUMENTS
        again = await town.rebuild(successor, OTHER)
        assert again.documents == 0
    assert len(town.model.embedded) == 2 * DOCUMENTS
    async with town.opened(OTHER) as served:
        assert await found(served) == DOCUMENTS


async def test_what_comes_while_it_is_built_is_added_by_the_next_run(town: Town) -> None:
    async with town.opened(OTHER, successor=True) as successor:
        await town.rebuild(successor, OTHER)
        await put_manifest(town.blobs, "acme", "late", 1, ["the harbour froze late"])
        await town.rebuild(town.store, SPACE)
        assert (await town.rebuild(successor, OTHER)).documents == 1
        assert await found(successor) == DOCUMENTS + 1


async def test_a_deletion_leaves_nothing_and_the_old_index_goes(town: Town) -> None:
    async with town.opened(OTHER, successor=True) as successor:
        await town.rebuild(successor, OTHER)
        for store in (town.store, successor):
            await Deletion(store, FakePublisher()).delete("d0", 1, Context(tenant="acme"))
        await town.blobs.delete(manifest_key("acme", "d0", 1))
        for store in (town.store, successor):
            assert not await store.passages("acme", ["d0:1:0", "d0:1:1"])
        await successor.serve()
        assert len(await successor.remove_others()) == 1
        assert await successor.remove_others() == []
        assert await found(successor) == DOCUMENTS - 1


async def test_a_new_model_is_refused_until_its_index_was_built(town: Town) -> None:
    with pytest.raises(OtherEmbeddingSpace, match=r"services\.retrieval\.rebuild"):
        async with town.opened(OTHER):
            raise AssertionError("opened")
    assert await found(town.store) == DOCUMENTS


async def test_the_command_says_who_has_the_file_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAGOPS_SQLITE_PATH", str(tmp_path))
    settings = RetrievalSettings()
    served = EmbeddingSpace(settings.embedding_model, settings.embedding_dimension)
    async with open_sqlite(tmp_path, served):
        assert await asyncio.to_thread(main, []) == 2
    assert "stop it" in " ".join(capsys.readouterr().err.split())


def test_help_teaches_the_change_of_model(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(
        word in shown for word in ("RAGOPS_EMBEDDING_MODEL", "--remove-others", "--no-switch")
    )
