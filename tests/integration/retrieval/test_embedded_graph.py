"""Links of the embedded store, whose heads and names share a file, and of the fake beside it."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from services.retrieval.models.filter import Scope
from services.retrieval.models.graph import Link, Place, Support
from services.retrieval.store.sqlite.graph import COUNTED_MAX
from services.retrieval.store.sqlite.schema import SCHEMA_VERSION, file_for
from services.retrieval.store.sqlite.store import SqliteSearchStore, open_sqlite
from tests.integration.retrieval.conftest import OpenStore
from tests.unit.retrieval.making import SPACE, passage, version

SCOPE = Scope("acme")
MAX_OWNERS = 3


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[SqliteSearchStore]:
    opened: OpenStore = request.getfixturevalue(request.param)
    async with opened() as made:
        yield cast(SqliteSearchStore, made)


async def put(
    store: SqliteSearchStore,
    document_id: str,
    *,
    about: Sequence[str] = (),
    mentions: Sequence[str] = (),
    ordinal: int = 1,
    tenant: str = "acme",
    visibility: tuple[str, ...] | None = None,
) -> None:
    """A version of one passage, `document_id:ordinal:0`, shown."""
    held = replace(
        passage(document_id, ordinal, 0, "text"), about=tuple(about), mentions=tuple(mentions)
    )
    await store.index(version(tenant, document_id, ordinal, visibility), [held])
    await store.promote(tenant, document_id, ordinal)


async def reached(
    store: SqliteSearchStore, seed: str = "seed:1:0", scope: Scope = SCOPE
) -> set[tuple[str, str]]:
    links = await store.links(scope, [seed], MAX_OWNERS)
    return {(link.entity, link.passage_id) for link in links}


async def test_an_empty_store_has_no_links(store: SqliteSearchStore) -> None:
    assert await store.links(SCOPE, ["d:1:0"], MAX_OWNERS) == []
    assert await store.links(SCOPE, [], MAX_OWNERS) == []


@pytest.mark.parametrize("owner_first", [True, False])
async def test_a_link_leads_from_what_names_to_what_is_about(
    store: SqliteSearchStore, owner_first: bool
) -> None:
    if owner_first:
        await put(store, "man", about=["tim burton"])
    await put(store, "film", mentions=["tim burton", "nobody"])
    await put(store, "award", mentions=["tim burton"])
    if not owner_first:
        await put(store, "man", about=["tim burton"])
    links = await store.links(SCOPE, ["film:1:0", "man:1:0", "unknown"], MAX_OWNERS)
    assert links == [Link("film:1:0", "tim burton", "man:1:0", "man", 1, named_by=2)]


async def test_no_link_leads_back_to_its_seed(store: SqliteSearchStore) -> None:
    await put(store, "seed", about=["x"], mentions=["x"])
    assert await reached(store) == set()


async def test_a_name_owned_by_many_leads_nowhere(store: SqliteSearchStore) -> None:
    await put(store, "seed", mentions=["x"])
    for n in range(MAX_OWNERS):
        await put(store, f"x{n}", about=["x"])
    assert len(await reached(store)) == MAX_OWNERS
    await put(store, "more", about=["x"])
    assert await reached(store) == set()


async def test_tenants_share_no_names_and_no_counts(store: SqliteSearchStore) -> None:
    await put(store, "seed", mentions=["x"])
    await put(store, "seed", mentions=["x"], tenant="rival")
    await put(store, "owner", about=["x"], tenant="rival")
    assert await reached(store) == set()
    (link,) = await store.links(Scope("rival"), ["seed:1:0"], MAX_OWNERS)
    assert link.named_by == 1


async def test_visibility_is_inside_the_hop_and_its_counts(store: SqliteSearchStore) -> None:
    await put(store, "seed", mentions=["x"])
    await put(store, "open", about=["x"])
    for n in range(MAX_OWNERS):
        await put(store, f"law{n}", about=["x"], mentions=["x"], visibility=("group:law",))
    (link,) = await store.links(SCOPE, ["seed:1:0"], MAX_OWNERS)
    assert (link.passage_id, link.named_by) == ("open:1:0", 1)
    member = Scope("acme", ("user:ann", "group:law"))
    assert await reached(store, scope=member) == set()
    assert await reached(store, "law0:1:0") == set()


async def test_heads_are_inside_the_hop_and_its_counts(store: SqliteSearchStore) -> None:
    await put(store, "seed", mentions=["old", "new"])
    await put(store, "owner", about=["old"], mentions=["new"])
    await put(store, "owner", about=["new"], ordinal=2)
    assert await reached(store) == {("new", "owner:2:0")}
    (link,) = await store.links(SCOPE, ["seed:1:0"], MAX_OWNERS)
    assert link.named_by == 1
    await store.hide("acme", "owner", 2)
    assert await reached(store) == set()


async def test_heads_are_inside_places_subjects_and_supports(store: SqliteSearchStore) -> None:
    await put(store, "d", about=["old", "kept"], mentions=["kept"])
    await put(store, "d", about=["new", "kept"], mentions=["kept"], ordinal=2)
    await put(store, "law", about=["new"], mentions=["new"], visibility=("group:law",))
    (place,) = await store.places(SCOPE, "kept", 9)
    assert place == Place("d:2:0", "d", 2, about=True, mentions=True)
    assert await store.places(SCOPE, "old", 9) == []
    subjects = await store.subjects(SCOPE, ["d:1:0", "d:2:0", "law:1:0"], MAX_OWNERS)
    assert sorted((t.passage_id, t.name, t.named_by) for t in subjects) == [
        ("d:2:0", "kept", 1),
        ("d:2:0", "new", 0),
    ]
    assert await store.supports(SCOPE, ["n", "o", "k"], 9) == [
        Support("new", "d", 2),
        Support("kept", "d", 2),
    ]
    await store.hide("acme", "d", 2)
    assert await store.places(SCOPE, "kept", 9) == []
    assert await store.supports(SCOPE, ["k"], 9) == []


async def test_a_name_lives_while_another_document_supports_it(store: SqliteSearchStore) -> None:
    await put(store, "seed", mentions=["x"])
    for document_id in ("a", "b"):
        await put(store, document_id, about=["x"], mentions=["y"])
    await store.hide("acme", "a", 1)
    await store.purge("acme", "a")
    assert await reached(store) == {("x", "b:1:0")}
    await store.hide("acme", "b", 1)
    await store.purge("acme", "b")
    assert await reached(store) == set()
    await put(store, "c", about=["x"])
    assert await reached(store) == {("x", "c:1:0")}


async def test_a_version_indexed_again_is_counted_once(store: SqliteSearchStore) -> None:
    for _ in range(3):
        await put(store, "seed", mentions=["x"])
        await put(store, "owner", about=["x"])
    (link,) = await store.links(SCOPE, ["seed:1:0"], MAX_OWNERS)
    assert link.named_by == 1


def rows(folder: Path) -> dict[str, int]:
    with sqlite3.connect(file_for(folder, SPACE)) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("names", "mentions", "abouts")
        }


async def test_a_deletion_leaves_no_trace_of_its_own_and_all_of_others(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, SPACE) as store:
        await put(store, "kept", about=["shared"], mentions=["shared", "kept"])
        before = rows(tmp_path)
        await put(store, "gone", about=["shared", "gone"], mentions=["shared", "lost"])
        assert rows(tmp_path) == {"names": 4, "mentions": 4, "abouts": 3}
        await store.hide("acme", "gone", 1)
        await store.purge("acme", "gone")
        assert rows(tmp_path) == before == {"names": 2, "mentions": 2, "abouts": 1}


async def test_counting_stops_where_it_changes_little(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, SPACE) as store:
        await put(store, "owner", about=["x"])
        for n in range(COUNTED_MAX + 5):
            await put(store, f"d{n}", mentions=["x"])
        (link,) = await store.links(SCOPE, ["d0:1:0"], MAX_OWNERS)
        assert link.named_by == COUNTED_MAX


async def test_a_file_of_the_first_schema_gets_its_tables(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, SPACE) as store:
        await put(store, "before")
    with sqlite3.connect(file_for(tmp_path, SPACE)) as connection:
        connection.executescript(
            "DROP TABLE names; DROP TABLE mentions; DROP TABLE abouts; DROP TABLE facts;"
            "ALTER TABLE versions ADD COLUMN created_at TEXT DEFAULT '2024-05-01T00:00:00+00:00';"
            "ALTER TABLE versions ADD COLUMN tags TEXT DEFAULT '[]';"
            "ALTER TABLE versions ADD COLUMN metadata TEXT DEFAULT '{}';"
            "UPDATE meta SET value = '1' WHERE key = 'schema';"
        )
    async with open_sqlite(tmp_path, SPACE) as store:
        await put(store, "seed", mentions=["x"])
        await put(store, "owner", about=["x"])
        assert await reached(store) == {("x", "owner:1:0")}
        assert await store.heads("acme", ["before"]) != {}
    with sqlite3.connect(file_for(tmp_path, SPACE)) as connection:
        (found,) = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        assert found == str(SCHEMA_VERSION)
