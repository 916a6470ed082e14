"""Entities by a model, on a real PostgreSQL: asked for once, and purged with the document."""

from collections.abc import AsyncIterator

import pytest
from alembic import command
from alembic.config import Config
from botocore.exceptions import ClientError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.ingestion.events import DocumentChunkedV1
from contracts.platform.usage import ModelUsedV2
from services.ingestion.bootstrap import bootstrap
from services.ingestion.models.parsed import Extraction
from services.ingestion.services.working.worker import ATTEMPTS_MAX
from services.ingestion.settings import IngestionSettings
from services.ingestion.store.caches import Extractions
from services.ingestion.store.database import Database, open_database
from shared.errors import Unavailable
from shared.testing.probe import until
from tests.integration.ingestion.world import World
from tests.unit.ingestion.fakes import Answer, ReadingModel

FERRIES = "# Ferries\n\nThe Aurora Line runs three ferries from Port Ellen."
READ = Extraction(("aurora line",), ("aurora line", "port ellen"), (("a", "is", "b"),))


def names(prompt: str) -> Answer:
    return {
        "about": ["Aurora Line", "Ferries"],
        "mentions": [],
        "relations": [
            {"subject": "Aurora Line", "predicate": "runs ferries from", "object": "Port Ellen"}
        ],
    }


@pytest.fixture
def model() -> ReadingModel:
    return ReadingModel(answer=names)


@pytest.fixture
async def world(database: Database, model: ReadingModel) -> AsyncIterator[World]:
    options = {"entity_model": "test.llm", "entity_answer_tokens": 500}
    world = World(database, options, model=model)
    async with world.serving():
        yield world


async def rows(database: Database) -> int:
    async with database.transaction() as transaction:
        found = await transaction.execute("SELECT count(*) FROM extractions")
        return int(found.scalar_one())


async def test_names_and_relations_reach_the_manifest(world: World) -> None:
    async with world.working():
        document = await world.offer("ferries.md", FERRIES)
        await world.ends(document, "indexing")
    [line] = world.lines(world.publisher.of(DocumentChunkedV1)[0])
    assert line.about == ("ferries", "aurora line")
    assert line.mentions == ("aurora line", "port ellen")
    assert line.relations == (("aurora line", "runs ferries from", "port ellen"),)
    used = {event.purpose: event for event in world.publisher.of(ModelUsedV2)}
    assert used.keys() == {"embed_passages", "extract_entities"}
    assert used["extract_entities"].document_id == document


async def test_a_new_version_asks_about_new_passages_only(
    world: World, model: ReadingModel
) -> None:
    long = "\n\n".join(f"Paragraph {n}. " + "It says something of use. " * 30 for n in range(6))
    async with world.working():
        document = await world.offer("a.txt", long)
        await world.ends(document, "indexing")
        first = len(model.asked)
        await world.offer("a.txt", long, tags=["new"])
        await world.ends(document, "indexing", ordinal=2)
        assert len(model.asked) == first
        await world.offer("a.txt", long + "\n\nOne more. " + "And an end. " * 90)
        await world.ends(document, "indexing", ordinal=3)
    assert first == 6
    assert len(model.asked) - first == 1


async def test_tenants_share_no_answers(world: World, model: ReadingModel) -> None:
    async with world.working():
        for tenant in ("acme", "globex"):
            document = await world.offer("a.md", FERRIES, tenant=tenant)
            await world.ends(document, "indexing", tenant=tenant)
    assert len(model.asked) == 2


async def test_an_outage_waits_and_pays_nothing_twice(world: World, model: ReadingModel) -> None:
    text_ = "\n\n".join(f"Ship{n} sails. " + "It says something of use. " * 40 for n in range(9))
    failed: list[str] = []

    def answer(prompt: str) -> Answer:
        if "Ship5 " in prompt and len(failed) < 3:
            failed.append(prompt)
            return Unavailable("bedrock", "throttled")
        return names(prompt)

    model.answer = answer
    async with world.working():
        document = await world.offer("a.txt", text_)
        await world.ends(document, "indexing")
    assert len(failed) == 3
    assert len(model.asked) == 9 + 3
    used = [e for e in world.publisher.of(ModelUsedV2) if e.purpose == "extract_entities"]
    assert sum(event.calls for event in used) == 9
    async with world.database.transaction() as transaction:
        attempts = await transaction.execute("SELECT attempts FROM versions")
        assert attempts.scalar_one() == 0


async def test_a_model_that_refuses_fails_the_document_with_its_reason(
    world: World, model: ReadingModel
) -> None:
    model.answer = lambda _: ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": "quotes the prompt"}}, "Converse"
    )
    async with world.working():
        document = await world.offer("a.md", FERRIES)
        failed = await world.ends(document, "failed")
    assert len(model.asked) == ATTEMPTS_MAX
    assert failed.error is not None
    assert "AccessDeniedException" in failed.error.message
    assert "prompt" not in failed.error.message


async def test_deleting_a_document_removes_what_it_paid_for(world: World) -> None:
    async with world.working():
        kept = await world.offer("kept.md", FERRIES + " And back.")
        gone = await world.offer("gone.md", FERRIES)
        for document in (kept, gone):
            await world.ends(document, "indexing")
        assert await rows(world.database) == 2
        await world.delete(gone)

        async def one_is_left() -> bool:
            return await rows(world.database) == 1

        await until(one_is_left)


async def test_the_cache_keeps_answers_and_answers_of_no_use(database: Database) -> None:
    cache = Extractions(database, cap=10)
    await cache.put("d", b"1", READ)
    await cache.put("d", b"2", None)
    await cache.put("other", b"1", None)
    assert await cache.get([b"1", b"2", b"3"]) == {b"1": READ, b"2": None}


async def test_above_the_cap_the_oldest_go(database: Database) -> None:
    cache = Extractions(database, cap=3)
    for n in range(5):
        await cache.put("d", bytes([n]), READ)
    async with database.transaction() as transaction:
        await transaction.execute("ANALYZE extractions")
    assert await cache.prune() == 2
    assert set(await cache.get([bytes([n]) for n in range(5)])) == {b"\2", b"\3", b"\4"}


async def test_a_database_of_the_first_version_is_brought_up_to_date(database_url: str) -> None:
    def to_the_first(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", "services.ingestion.store:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")

    engine = create_async_engine(database_url.replace("postgresql:", "postgresql+asyncpg:", 1))
    async with engine.begin() as connection:
        await connection.run_sync(to_the_first)
        await connection.execute(text("INSERT INTO vectors VALUES ('k', 'd', 'v')"))
    await engine.dispose()
    async with open_database(database_url) as database:
        await Extractions(database, cap=10).put("d", b"1", READ)
        assert await rows(database) == 1
        async with database.transaction() as transaction:
            kept = await transaction.execute("SELECT document_id FROM vectors")
            assert kept.scalar_one() == "d"


async def test_a_model_without_a_price_is_refused_at_start() -> None:
    settings = IngestionSettings(entity_model="someone.elses-model")
    with pytest.raises(ValueError, match="RAGOPS_PRICES"):
        async with bootstrap(settings):
            raise AssertionError("it started")
