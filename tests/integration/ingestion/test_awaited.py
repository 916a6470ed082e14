"""Documents whose file is still on its way, and what a dropped file says of itself."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.ingestion.document import document_id
from contracts.ingestion.documents import (
    DroppedObject,
    IngestDocumentV2,
    ObjectsDroppedV1,
    StoredObject,
)
from contracts.ingestion.events import DocumentChunkedV1
from services.ingestion.bootstrap import DOCUMENTS
from shared.testing.probe import until
from tests.integration.ingestion.world import BUCKET, World

KEY = "uploads/acme/1/a.md"
DOCUMENT = document_id("acme", "a.md")


async def expect(world: World, seconds: float) -> None:
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    source = StoredObject(key=KEY, awaited_until=end)
    await world.handle(DOCUMENTS, IngestDocumentV2(name="a.md", source=source))


async def test_a_file_that_comes_later_is_taken_then(world: World) -> None:
    async with world.working():
        await expect(world, 60)
        assert (await world.see(DOCUMENT)).status in ("accepted", "parsing")
        await until(lambda: KEY in world.blobs.missed)
        await world.blobs.put(KEY, b"# Pilots\n\nThe pilot comes aboard.")
        await world.ends(DOCUMENT, "indexing")
    [line] = world.lines(world.publisher.of(DocumentChunkedV1)[0])
    assert line.text == "The pilot comes aboard."


async def test_a_file_that_never_comes_ends_with_words(world: World) -> None:
    async with world.working():
        await expect(world, 0.2)
        ended = await world.ends(DOCUMENT, "rejected")
    assert ended.error is not None
    assert ended.error.code == "not_uploaded"
    assert "Ask for a new upload" in ended.error.message


async def drop(world: World, said: dict[str, str]) -> None:
    key = "inbox/acme/rules/a.md"
    world.blobs.objects[key] = b"# Rules\n\nNo horns."
    world.blobs.described[key] = said
    await world.drop(ObjectsDroppedV1(objects=(DroppedObject(bucket=BUCKET, key=key, size=20),)))


async def test_a_drop_says_itself_what_it_is(world: World) -> None:
    said = {
        "tags": "sea, law",
        "visibility": "user:ann,group:law",
        "chunking": "parents",
        "year": "2026",
        "draft": "false",
        "number": "007",
    }
    async with world.working():
        await drop(world, said)
        document = document_id("acme", "rules/a.md")
        await world.ends(document, "indexing")
    told = world.publisher.of(DocumentChunkedV1)[0]
    assert (told.tags, told.visibility) == (("sea", "law"), ("user:ann", "group:law"))
    assert told.metadata == {"year": 2026, "draft": False, "number": "007"}
    assert told.name == "rules/a.md"


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"tags": "t" * 65}, "tags.0"),
        ({"visibility": "law"}, "visibility.0"),
        ({"visibility": ""}, "visibility"),
        ({"chunking": "lines"}, "structure"),
        ({"ratio": "NaN"}, "metadata"),
    ],
)
async def test_what_a_drop_says_wrongly_is_told_to_its_owner(
    world: World, said: dict[str, str], says: str
) -> None:
    async with world.serving():
        await drop(world, said)
        seen = await world.see(document_id("acme", "rules/a.md"))
    assert (seen.status, seen.error and seen.error.code) == ("rejected", "invalid_metadata")
    assert says in (seen.error.message if seen.error else "")
