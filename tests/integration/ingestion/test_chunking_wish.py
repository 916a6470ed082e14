"""How a document asks to be cut, and the copy of its text that may come with it."""

from contracts.ingestion.document import document_id
from contracts.ingestion.documents import IngestDocumentV2, StoredObject
from contracts.ingestion.events import DocumentChunkedV1
from contracts.platform.usage import SpendingLimits, TenantChangedV1
from services.ingestion.bootstrap import DOCUMENTS, EVENTS
from tests.integration.ingestion.world import World

TEXT = "# Pilots\n\n" + "The pilot comes aboard at the outer buoy, in any weather at all. " * 12
EDITED = TEXT.replace("in any weather", "but in no storm", 1)


async def test_a_document_is_cut_as_it_asks_and_again_when_it_asks_otherwise(world: World) -> None:
    async with world.working():
        for asked in ("sentences", None, "sentences"):
            document = await world.offer("a.md", TEXT, chunking=asked)
            await world.ends(document, "indexing")
        document = await world.offer("a.md", EDITED, chunking="sentences")
        await world.ends(document, "indexing")
    told = {one.ordinal: one.counts.chunks for one in world.publisher.of(DocumentChunkedV1)}
    assert told == {1: 12, 2: 1, 3: 12, 4: 12}


async def test_the_setting_counts_for_those_that_do_not_ask(world: World) -> None:
    async with world.working(chunking="sentences"):
        document = await world.offer("a.md", TEXT)
        await world.ends(document, "indexing")
    told = world.publisher.of(DocumentChunkedV1)[0]
    assert told.counts.chunks == 12


async def test_a_tenants_wish_counts_for_its_documents_that_do_not_ask(world: World) -> None:
    for revision, wish in enumerate(("lines", "sentences"), 1):
        told = TenantChangedV1(revision=revision, limits=SpendingLimits(), chunking=wish)
        await world.handle(EVENTS, told)
        async with world.working():
            own = await world.offer(f"{revision}.md", TEXT)
            asks = await world.offer("asks.md", TEXT, chunking="structure")
            other = await world.offer("other.md", TEXT, tenant="globex")
            await world.ends(own, "indexing")
            await world.ends(asks, "indexing")
            await world.ends(other, "indexing", tenant="globex")
    told_of = {one.document_id: one for one in world.publisher.of(DocumentChunkedV1)}
    # An unknown way is none.
    unknown = told_of[document_id("acme", "1.md")]
    assert [told_of[one].counts.chunks for one in (own, asks, other)] == [12, 1, 1]
    assert unknown.counts.chunks == 1


async def test_an_unknown_way_is_rejected_with_the_known_ones(world: World) -> None:
    async with world.serving():
        document = await world.offer("a.md", TEXT, chunking="lines")
        rejected = await world.see(document)
    assert (rejected.status, rejected.error and rejected.error.code) == (
        "rejected",
        "unknown_chunking",
    )
    assert "structure, fixed, sentences, rows, parents" in (
        rejected.error.message if rejected.error else ""
    )


async def test_a_text_that_comes_with_its_message_is_not_fetched(world: World) -> None:
    source = StoredObject(key="uploads/acme/1/a.md", text=TEXT)
    async with world.working():
        await world.handle(DOCUMENTS, IngestDocumentV2(name="a.md", source=source))
        await world.ends(_id(), "indexing")
        assert [line.text for line in world.lines(world.publisher.of(DocumentChunkedV1)[0])]
        # The same with the object: the same content, so there is nothing to do.
        world.blobs.objects[source.key] = TEXT.encode()
        await world.handle(
            DOCUMENTS, IngestDocumentV2(name="a.md", source=StoredObject(key=source.key))
        )
        await world.ends(_id(), "indexing")
    assert {one.ordinal for one in world.publisher.of(DocumentChunkedV1)} == {1}


def _id() -> str:
    return document_id("acme", "a.md")


async def test_a_copy_goes_when_it_was_read_and_a_text_of_its_own_stays(world: World) -> None:
    key = "uploads/acme/1/a.md"
    world.blobs.objects[key] = TEXT.encode()
    async with world.working():
        copied = IngestDocumentV2(name="a.md", source=StoredObject(key=key, text=TEXT))
        await world.handle(DOCUMENTS, copied)
        await world.ends(_id(), "indexing")
        await world.ends(await world.offer("b.md", TEXT), "indexing")
    async with world.database.transaction() as transaction:
        rows = await transaction.execute("SELECT key, text FROM versions")
        assert {row.key: row.text for row in rows} == {key: None, None: TEXT}
