"""The SQLite file itself: made for one model, used by one process, sound after a failed write."""

import sqlite3
from pathlib import Path

import pytest

from services.retrieval.models.embedding_space import EmbeddingSpace, OtherEmbeddingSpace
from services.retrieval.models.filter import Scope
from services.retrieval.models.filter_reading import read_filter
from services.retrieval.store.sqlite import writing
from services.retrieval.store.sqlite.schema import file_for
from services.retrieval.store.sqlite.store import InUse, open_sqlite
from shared.errors import Unavailable
from tests.unit.retrieval.making import SPACE, passages_of, unit_vector, version

TITAN = EmbeddingSpace("amazon.titan-embed-text-v2:0", 1024)


def test_the_name_carries_model_and_dimension() -> None:
    assert file_for(Path("x"), TITAN) == Path("x/search-amazon.titan-embed-text-v2-0-1024.db")


def assert_files(folder: Path, *spaces: EmbeddingSpace) -> None:
    assert {*folder.glob("*.db")} == {file_for(folder, space) for space in spaces}


async def test_each_model_has_a_file_of_its_own(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, SPACE), open_sqlite(tmp_path, TITAN, successor=True):
        pass
    assert_files(tmp_path, SPACE, TITAN)


async def test_a_file_made_for_another_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, SPACE):
        pass
    file_for(tmp_path, SPACE).rename(file_for(tmp_path, TITAN))
    with pytest.raises(OtherEmbeddingSpace, match=r"test\.embedder-v1.*move the file away"):
        async with open_sqlite(tmp_path, TITAN):
            pass


async def test_a_file_of_schema_2_is_taken_over_with_what_filters_need(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, SPACE) as store:
        await store.index(version("acme", "d"), passages_of("d", 1, ["harbour"]))
        await store.promote("acme", "d", 1)
    make_schema_2(file_for(tmp_path, SPACE))
    for _ in range(2):
        async with open_sqlite(tmp_path, SPACE) as store:
            for field, test in (
                ("tags", {"eq": "b"}),
                ("metadata.year", {"eq": 2024}),
                ("created_at", {"range": {"gte": "2024-05-01", "lte": "2024-05-01"}}),
            ):
                scope = Scope("acme", (), read_filter({"field": field, **test}))
                assert len(await store.bm25(scope, "harbour", 10)) == 1, field
            assert await store.index(version("acme", "e"), passages_of("e", 1, ["x"])) == 1


def make_schema_2(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        for column, value in (
            ("created_at", "2024-05-01T00:00:00+00:00"),
            ("tags", '["a", "b"]'),
            ("metadata", '{"year": 2024}'),
        ):
            connection.execute(
                f"ALTER TABLE versions ADD COLUMN {column} TEXT NOT NULL DEFAULT '{value}'"
            )
        connection.execute("DROP TABLE facts")
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'schema'")
    connection.close()


async def test_a_second_process_is_refused_until_the_first_has_closed(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, SPACE):
        with pytest.raises(InUse, match="another process uses"):
            async with open_sqlite(tmp_path, SPACE):
                pass
    async with open_sqlite(tmp_path, SPACE) as store:
        await store.ping()


async def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async with open_sqlite(tmp_path, SPACE) as store:
        with monkeypatch.context() as patch:
            patch.setattr(writing, "_passage_rows", full)
            with pytest.raises(Unavailable, match="disk is full"):
                await store.index(version("acme", "d"), passages_of("d", 1, ["harbour"]))
        assert await store.index(version("acme", "d"), passages_of("d", 1, ["harbour"])) == 1
        await store.promote("acme", "d", 1)
        assert len(await store.bm25(Scope("acme"), "harbour", 10)) == 1


async def test_purged_text_is_gone_from_the_full_text_index(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, SPACE) as store:
        await store.index(version("acme", "d"), passages_of("d", 1, ["harbour", "orchard"]))
        await store.promote("acme", "d", 1)
        await store.hide("acme", "d", 1)
        await store.purge("acme", "d")
        assert await store.dense(Scope("acme"), unit_vector("harbour"), 10) == []
    with sqlite3.connect(file_for(tmp_path, SPACE)) as connection:
        # Raises when the index and the passages do not agree.
        connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        for table in ("passages", "versions", "facts"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        hits = connection.execute("SELECT count(*) FROM words WHERE words MATCH 'harbour'")
        assert hits.fetchone() == (0,)
    connection.close()
