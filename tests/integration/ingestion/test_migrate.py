"""Migrations as a task of their own, before a release is rolled out."""

import asyncio

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from services.ingestion import migrate
from services.ingestion.bootstrap import bootstrap
from services.ingestion.settings import IngestionSettings
from services.ingestion.store.database import open_database
from shared.errors import CannotStart
from shared.testing.fakes import FakeBlobs, FakePublisher, no_bus
from tests.unit.ingestion.fakes import DIMENSION, HashModel

SCRIPTS = ScriptDirectory("services/ingestion/store/migrations")
HEAD = SCRIPTS.get_current_head()
BEFORE = SCRIPTS.get_revision("head").down_revision


async def start(url: str, *, itself: bool) -> None:
    settings = IngestionSettings(
        database_url=url,
        migrate=itself,
        embedding_model="test.embed",
        embedding_dimension=DIMENSION,
    )
    parts = {"bus": no_bus(), "publisher": FakePublisher(), "blobs": FakeBlobs()}
    async with bootstrap(settings, model=HashModel(), **parts):  # type: ignore[arg-type]
        pass


async def test_told_not_to_migrate_ingestion_waits_for_the_task(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CannotStart, match=r"at revision none, .* services.ingestion.migrate"):
        await start(database_url, itself=False)
    assert await _told(database_url, monkeypatch, capsys) == (
        0,
        f"The tables were brought from revision none to {HEAD}.\n",
    )
    await start(database_url, itself=False)
    again = await _told(database_url, monkeypatch, capsys)
    assert again == (0, f"The tables are up to date: revision {HEAD}.\n")


async def test_tables_of_the_release_before_are_named(database_url: str) -> None:
    await start(database_url, itself=True)
    await _set_revision(database_url, str(BEFORE))
    with pytest.raises(CannotStart, match=f"at revision {BEFORE}, this release needs {HEAD}"):
        await start(database_url, itself=False)


@pytest.mark.parametrize("itself", [True, False])
async def test_the_release_before_starts_beside_newer_tables(
    database_url: str, itself: bool
) -> None:
    """While a release is rolled out, and when it is rolled back."""
    await start(database_url, itself=True)
    await _set_revision(database_url, "9999")
    await start(database_url, itself=itself)
    async with open_database(database_url) as database:
        assert await database.migrate() == ("9999", "9999")


def test_a_database_that_is_away_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAGOPS_DATABASE_URL", "postgresql://postgres@127.0.0.1:1/none")
    assert migrate.main([]) == 2
    assert "postgresql is unavailable" in (told := capsys.readouterr().err)
    assert told.endswith("Nothing was changed.\n")


async def _told(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """The command in a thread of its own, since it brings its own loop."""
    monkeypatch.setenv("RAGOPS_DATABASE_URL", url)
    code = await asyncio.to_thread(migrate.main, [])
    return code, capsys.readouterr().out


async def _set_revision(url: str, revision: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE alembic_version SET version_num = $1", revision)
    await connection.close()
