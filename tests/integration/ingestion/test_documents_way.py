"""A document from intake to ready, through a real registry and worklist."""

from contracts.ingestion.documents import DroppedObject, ObjectsDroppedV1
from contracts.ingestion.events import DocumentChunkedV1, DocumentFailedV1
from contracts.platform.usage import ModelUsedV2
from shared.testing.probe import until
from tests.integration.ingestion.world import BUCKET, MAX_BYTES, World

TEXT = "# Ferries\n\nThe Aurora Line runs three ferries a day."


async def test_inline_text_becomes_ready_when_the_counts_agree(world: World) -> None:
    document = await world.offer("ferries.md", TEXT, tags=["sea"], metadata={"year": 2024})
    assert (await world.see(document)).status == "accepted"
    async with world.working():
        await world.ends(document, "indexing")
        [chunked] = world.publisher.of(DocumentChunkedV1)
        [line] = world.lines(chunked)
        assert (line.title, line.text) == ("Ferries", "The Aurora Line runs three ferries a day.")
        assert len(line.vector_bytes()) == 2 * chunked.dimension
        assert chunked.tags == ("sea",)
        assert chunked.metadata == {"year": 2024}
        await world.answer(chunked, chunks=2)
        assert (await world.see(document)).status == "indexing"
        await world.answer(chunked)
        ready = await world.ends(document, "ready")
    assert ready.counts.chunks == 1
    assert ready.counts.characters == len(TEXT)
    [used] = world.publisher.of(ModelUsedV2)
    assert (used.calls, used.purpose, used.document_id) == (1, "embed_passages", document)


async def test_an_object_is_fetched_and_parsed_by_its_kind(world: World) -> None:
    key = "uploads/acme/1/page.html"
    head, body = b"<title>Port rules</title>", b"<h1>Rules</h1><p>No horns.</p>"
    world.blobs.objects[key] = b"<html><head>%b</head><body>%b</body></html>" % (head, body)
    document = await world.offer("page.html", key=key)
    async with world.working():
        await world.ends(document, "indexing")
    [chunked] = world.publisher.of(DocumentChunkedV1)
    [line] = world.lines(chunked)
    assert line.title == "Port rules: Rules"
    assert line.text == "No horns."


async def test_the_same_message_twice_is_one_version(world: World) -> None:
    for _ in range(2):
        document = await world.offer("a.txt", "one", message_id="m1")
    assert (await world.see(document)).ordinal == 1
    state = await world.state(document, accepted_id="m1")
    assert state is not None
    assert state.taken_in
    unseen = await world.state(document, accepted_id="m2")
    assert unseen is not None
    assert not unseen.taken_in


async def test_the_same_text_is_no_new_version_but_new_tags_are(world: World) -> None:
    document = await world.offer("a.txt", "one")
    await world.offer("a.txt", "one")
    assert (await world.see(document)).ordinal == 1
    await world.offer("a.txt", "one", tags=["new"])
    assert (await world.see(document)).ordinal == 2


async def test_an_unchanged_object_is_settled_when_it_is_fetched(world: World) -> None:
    world.blobs.objects |= {"uploads/acme/1/a.txt": b"one", "uploads/acme/2/a.txt": b"one"}
    async with world.working():
        document = await world.offer("a.txt", key="uploads/acme/1/a.txt")
        await world.ends(document, "indexing")
        await world.answer_all()
        await world.ends(document, "ready")
        await world.offer("a.txt", key="uploads/acme/2/a.txt")
        await world.ends(document, "ready", ordinal=2)
    assert len(world.publisher.of(DocumentChunkedV1)) == 1
    assert len(world.model.texts) == 1


async def test_a_newer_version_replaces_the_older_and_reuses_its_vectors(world: World) -> None:
    long = "\n\n".join(f"Paragraph {n}. " + "It says something of use. " * 30 for n in range(6))
    async with world.working():
        document = await world.offer("a.txt", long)
        await world.ends(document, "indexing")
        await world.answer_all()
        first = len(world.model.texts)
        await world.offer("a.txt", long + "\n\nOne more paragraph. " + "And an end. " * 80)
        await world.ends(document, "indexing", ordinal=2)
        await world.answer_all()
        await world.ends(document, "ready", ordinal=2)
    assert first > 3
    assert len(world.model.texts) - first < first


async def test_bad_documents_end_rejected_with_a_reason(world: World) -> None:
    world.blobs.objects |= {
        "uploads/acme/bad.pdf": b"%PDF-1.7 no pdf at all",
        "uploads/acme/empty.pdf": b"",
        "uploads/acme/large.txt": b"x" * (MAX_BYTES + 1),
        "uploads/acme/binary.txt": b"\x89PNG\x00\x81\x8d",
    }
    expected = {
        "bad.pdf": "unreadable",
        "empty.pdf": "empty",
        "large.txt": "too_large",
        "binary.txt": "unreadable",
        "absent.txt": "missing",
        "program.exe": "unknown_kind",
    }
    async with world.working():
        for name, code in expected.items():
            document = await world.offer(name, key=f"uploads/acme/{name}")
            ended = await world.ends(document, "rejected")
            assert ended.error is not None
            assert ended.error.code == code

        def told() -> dict[str, str]:
            failures = world.publisher.of(DocumentFailedV1)
            return {failed.name: failed.error.code for failed in failures}

        await until(lambda: told() == expected)


async def test_a_drop_is_named_by_its_key_and_an_older_event_is_ignored(world: World) -> None:
    async def drop(sequencer: str, size: int = 5) -> None:
        key = "inbox/acme/notes/a.txt"
        dropped = DroppedObject(bucket=BUCKET, key=key, size=size, sequencer=sequencer)
        await world.drop(ObjectsDroppedV1(objects=(dropped,)))

    await drop("0B")
    await drop("0A")
    await drop("0B")
    [summary] = (await world.page(limit=10)).documents
    assert (summary.name, summary.ordinal, summary.status) == ("notes/a.txt", 1, "accepted")
    await drop("0C1", size=MAX_BYTES + 1)
    refused = await world.see(summary.document_id)
    assert (refused.ordinal, refused.status) == (2, "rejected")


async def test_pages_of_documents_come_newest_first_and_of_one_tenant(world: World) -> None:
    names = [f"{n}.txt" for n in range(5)]
    for name in names:
        await world.offer(name, "text")
    await world.offer("other.txt", "text", tenant="globex")
    seen, after = [], None
    while True:
        page = await world.page(limit=2, after=after)
        seen += [document.name for document in page.documents]
        after = page.next
        if after is None:
            break
    assert seen == names[::-1]


async def test_who_may_not_see_a_document_neither_lists_reads_nor_deletes_it(world: World) -> None:
    for_law = await world.offer("law.txt", "text", visibility=("group:law",))
    for_all = await world.offer("all.txt", "text")
    ann, bob = ("user:ann", "group:law"), ("user:bob",)

    async def listed(names: tuple[str, ...] | None) -> set[str]:
        page = await world.page(limit=10, visible_to=names)
        return {document.document_id for document in page.documents}

    assert await listed(ann) == await listed(None) == {for_law, for_all}
    assert await listed(bob) == {for_all}
    assert await world.state(for_law, visible_to=bob) is None
    assert await world.state(for_law, visible_to=ann) is not None
    assert await world.delete(for_law, visible_to=bob) is None
    assert await listed(ann) == {for_law, for_all}
    assert await world.delete(for_law, visible_to=ann) is not None
    assert await listed(ann) == {for_all}
