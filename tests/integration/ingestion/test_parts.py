"""Documents inside of documents: archives and mails, from intake to deletion."""

import zipfile
from email.message import EmailMessage
from typing import Any

import pytest

from contracts.ingestion.document import document_id
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.ingestion.queries import DocumentSummary
from services.ingestion.services.intake.intake import NAME_MAX
from services.ingestion.services.working import parts
from services.ingestion.services.working.parts import part_name
from shared.testing.probe import until
from tests.integration.ingestion.files import zipped
from tests.integration.ingestion.world import World

pytestmark = pytest.mark.usefixtures("patient")
RULES = b"# Rules\n\nNo horns at night."


@pytest.fixture
def patient(world: World) -> None:
    """Reading an archive's first member loads its reader."""
    world.parse_timeout_s = 30.0


async def offer(world: World, members: dict[str, Any], name: str = "all.zip", **fields: Any) -> str:
    key = f"uploads/acme/{len(world.blobs.objects)}/{name}"
    world.blobs.objects[key] = zipped(members, zipfile.ZIP_DEFLATED)
    return await world.offer(name, key=key, **fields)


def inside(name: str, parent: str = "all.zip") -> str:
    return document_id("acme", f"{parent}/{name}")


async def ready(world: World, document: str, ordinal: int = 1) -> DocumentSummary:
    """Retrieval answers whatever it is told, as often as it is told."""

    async def settled() -> DocumentSummary | None:
        await world.answer_all()
        seen = await world.see(document)
        return seen if seen.status == "ready" and seen.ordinal >= ordinal else None

    found: DocumentSummary = await until(settled, within_s=15)
    return found


async def names(world: World) -> list[str]:
    return sorted(one.name for one in (await world.page()).documents)


async def test_members_are_documents_with_what_is_said_of_the_archive(world: World) -> None:
    members = {"a/rules.md": RULES, "../../fares.csv": b"to;eur\nSkye;9\n", "logo.bin": b"\x00\x01"}
    said: dict[str, Any] = {
        "tags": ["sea"],
        "metadata": {"year": 2024, "title": "All"},
        "visibility": ["user:ann"],
    }
    async with world.working():
        archive = await offer(world, members, **said)
        whole = await ready(world, archive)
        rules = await ready(world, inside("a/rules.md"))
        fares = await ready(world, inside("fares.csv"))
    assert (whole.parts, whole.parent_id) == (2, None)
    assert whole.note == "1 of 3 files inside were not read: logo.bin (its kind is not known)."
    assert await names(world) == ["all.zip", "all.zip/a/rules.md", "all.zip/fares.csv"]
    for part in (rules, fares):
        assert (part.parent_id, part.tags, part.metadata) == (archive, ("sea",), {"year": 2024})
    told = {one.document_id: one for one in world.publisher.of(DocumentChunkedV1)}
    assert told[rules.document_id].visibility == ("user:ann",)
    assert told[rules.document_id].parents == (archive,)
    [line] = world.lines(told[archive])
    assert "- a/rules.md" in line.text
    assert "- logo.bin (not read: its kind is not known)" in line.text
    assert "horns" not in line.text
    assert line.version is not None
    assert line.version.parents == ()


async def test_an_archive_is_ready_when_all_of_its_parts_have_settled(world: World) -> None:
    async with world.working():
        archive = await offer(world, {"a.md": RULES, "b.pdf": b"no pdf"})
        await world.ends(archive, "indexing")
        await world.ends(inside("a.md"), "indexing")
        await world.ends(inside("b.pdf"), "rejected")
        [own] = [c for c in world.publisher.of(DocumentChunkedV1) if c.document_id == archive][:1]
        await world.answer(own)
        assert (await world.see(archive)).status == "indexing"
        await ready(world, inside("a.md"))
        await ready(world, archive)


async def test_a_new_version_drops_the_parts_that_it_has_no_more(world: World) -> None:
    async with world.working():
        archive = await offer(
            world, {"a.md": RULES, "b.md": b"Two.", "in.zip": zipped({"c.md": "3"})}
        )
        await ready(world, archive)
        await ready(world, inside("in.zip/c.md"))
        await offer(world, {"a.md": RULES, "d.md": b"Four."})
        await ready(world, archive, ordinal=2)

        async def gone() -> bool:
            return await names(world) == ["all.zip", "all.zip/a.md", "all.zip/d.md"]

        await until(gone)
        kept = await world.see(inside("a.md"))
        assert kept.status == "ready"
        chunked = world.publisher.of(DocumentChunkedV1)
        assert [c.ordinal for c in chunked if c.document_id == kept.document_id] == [1]
        deleted = {"b.md", "in.zip", "in.zip/c.md"}

        async def told() -> bool:
            seen = {one.document_id for one in world.publisher.of(DocumentDeletedV1)}
            return seen == {inside(name) for name in deleted}

        await until(told)


async def test_deleting_an_archive_deletes_all_that_is_in_it(world: World) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Rules"
    mail.set_content("See below.")
    mail.add_attachment(RULES, "text", "markdown", filename="rules.md")
    async with world.working():
        archive = await offer(world, {"in/mail.eml": mail.as_bytes(), "b.md": b"Two."})
        await ready(world, archive)
        await ready(world, inside("in/mail.eml/rules.md"))
        assert (await world.delete(inside("b.md"))) is not None
        assert await names(world) == [
            "all.zip",
            "all.zip/in/mail.eml",
            "all.zip/in/mail.eml/rules.md",
        ]
        await world.delete(archive)
        assert await names(world) == []

        async def purged() -> bool:
            return not world.blobs.objects

        await until(purged)
    told = {one.document_id for one in world.publisher.of(DocumentDeletedV1)}
    assert told == {archive, *map(inside, ("in/mail.eml", "in/mail.eml/rules.md", "b.md"))}


async def test_deleting_while_the_parts_are_taken_in_leaves_nothing(world: World) -> None:
    key = "uploads/acme/0/all.zip"
    world.blobs.objects[key] = zipped({f"{n}.md": RULES for n in range(50)})
    archive = await world.offer("all.zip", key=key)
    async with world.working():
        await until(lambda: _is_parsed(world, archive), every_s=0.001)
        await world.delete(archive)

        async def purged() -> bool:
            return not world.blobs.objects and await names(world) == []

        await until(purged, within_s=20)


async def _is_parsed(world: World, document: str) -> bool:
    return (await world.see(document)).status == "parsing"


async def test_a_part_takes_no_other_documents_name(world: World) -> None:
    own = await world.offer("all.zip/a.md", "Mine.")
    async with world.working():
        await ready(world, own)
        archive = await offer(world, {"a.md": RULES})
        whole = await ready(world, archive)
    assert whole.note == "a.md was not read: another document has its name."
    seen = await world.see(own)
    assert (seen.ordinal, seen.parent_id) == (1, None)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({f"{n}.md": "x" for n in range(1_001)}, "more than 1000 files"),
        ({"a.txt": "0" * 30_000_000}, "packed more densely"),
    ],
)
async def test_an_archive_that_holds_too_much_is_rejected(
    world: World, members: dict[str, Any], words: str
) -> None:
    async with world.working():
        archive = await offer(world, members)
        seen = await world.ends(archive, "rejected")
    assert seen.error is not None
    assert seen.error.code == "too_complex"
    assert words in seen.error.message
    assert await names(world) == ["all.zip"]


async def test_archives_lie_only_so_deep_in_each_other(world: World) -> None:
    body: Any = b"Deep."
    for n in range(parts.DEPTH_MAX + 2):
        body = zipped({f"{n}.md" if n == 0 else f"{n}.zip": body})
    async with world.working():
        await offer(world, {"top.zip": body})
        path = "top.zip" + "".join(f"/{n}.zip" for n in range(parts.DEPTH_MAX + 1, 2, -1))

        async def taken_in() -> bool:
            return await world.state(inside(path)) is not None

        await until(taken_in)
        seen = await world.ends(inside(path), "rejected")
    assert seen.error is not None
    assert (seen.error.code, "deep in other files" in seen.error.message) == ("too_complex", True)


def test_a_name_that_is_too_long_stays_different() -> None:
    long = [part_name("all.zip", f"{'f/' * 300}{n}/report.pdf") for n in (1, 2)]
    assert len(set(long)) == 2
    assert all(len(one) <= NAME_MAX and one.endswith("-report.pdf") for one in long)
    assert part_name("a.zip", "b/c.md") == "a.zip/b/c.md"
