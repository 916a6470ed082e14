"""What the bucket holds and no message tells of: lost drops, and uploads that nobody uses."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from contracts.ingestion.document import document_id
from contracts.ingestion.documents import DroppedObject, ObjectsDroppedV1
from shared.testing.probe import until
from tests.integration.ingestion.world import BUCKET, World

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@dataclass
class Standing:
    """A clock that stands still: a slow machine makes nothing older."""

    def now(self) -> datetime:
        return NOW


@pytest.fixture(autouse=True)
def standing(world: World) -> None:
    world.clock = Standing()


def put(world: World, key: str, age: timedelta) -> None:
    world.blobs.objects[key] = key.encode()
    world.blobs.modified[key] = NOW - age


async def test_a_drop_whose_notification_was_lost_is_taken_in(world: World) -> None:
    """Issue 10, 21."""
    world.options |= {"reconcile_s": 0.2}
    put(world, "inbox/acme/notes/old.txt", timedelta(minutes=3))
    put(world, "inbox/acme/young.txt", timedelta(minutes=1))
    put(world, "inbox/acme/program.exe", timedelta(minutes=3))
    put(world, "inbox/acme/folder/", timedelta(minutes=3))
    world.blobs.objects["inbox/acme/folder/"] = b""
    put(world, "inbox/no_tenant.txt", timedelta(minutes=3))
    async with world.working():
        document = document_id("acme", "notes/old.txt")
        await until(lambda: world.state(document))
        await world.ends(document, "indexing")
        await world.answer_all()
        looks = world.blobs.looks
        await until(lambda: world.blobs.looks > looks + 3)
    page = await world.page()
    listed = {one.name: (one.ordinal, one.status) for one in page.documents}
    assert listed == {"notes/old.txt": (1, "ready"), "program.exe": (1, "rejected")}


async def test_a_notification_that_comes_late_makes_no_other_document(world: World) -> None:
    """Issue 10, 21."""
    key = "inbox/acme/a.txt"
    put(world, key, timedelta(minutes=3))
    document = document_id("acme", "a.txt")
    async with world.working():
        await until(lambda: world.state(document))
        await world.ends(document, "indexing")
        await world.answer_all()
        dropped = DroppedObject(bucket=BUCKET, key=key, size=3, sequencer="0A")
        await world.drop(ObjectsDroppedV1(objects=(dropped,)))
        ready = await world.ends(document, "ready", ordinal=2)
    assert ready.counts.chunks == 1
    assert len(world.model.texts) == 1, "the content is the same"
    assert key in world.blobs.objects


async def test_a_drop_that_was_deleted_does_not_come_back(world: World) -> None:
    """Issue 10, 21 and 2: its deletion came before its notification."""
    world.options |= {"reconcile_s": 0.2}
    document = await world.offer("a.txt", "text")
    await world.delete(document)
    put(world, "inbox/acme/a.txt", timedelta(minutes=3))
    async with world.working():
        await until(lambda: world.blobs.looks > 3)
    assert (await world.see(document)).status == "deleting"


async def test_an_upload_that_nobody_uses_is_deleted_in_the_end(world: World) -> None:
    """Issue 10, 21: not while a message may bring it."""
    world.options |= {"reconcile_s": 0.2}
    put(world, "uploads/acme/1/used.txt", 30 * DAY)
    put(world, "uploads/acme/2/young.txt", 18 * DAY)
    put(world, "uploads/acme/3/unused.txt", 20 * DAY)
    put(world, "manifests/acme/x/1.jsonl", 30 * DAY)
    await world.offer("used.exe", key="uploads/acme/1/used.txt")
    async with world.working():
        await until(lambda: "uploads/acme/3/unused.txt" not in world.blobs.objects)
        looks = world.blobs.looks
        await until(lambda: world.blobs.looks > looks + 2)
    assert {"uploads/acme/1/used.txt", "uploads/acme/2/young.txt"} <= world.blobs.objects.keys()
    assert "manifests/acme/x/1.jsonl" in world.blobs.objects


async def test_a_comparison_that_fails_is_made_again_soon(world: World) -> None:
    """Issue 10, 21: after a power cut the store of objects may be the last to come back."""
    put(world, "inbox/acme/a.txt", timedelta(minutes=3))
    world.blobs.faults.left = 2
    async with world.working():
        await until(lambda: world.state(document_id("acme", "a.txt")))
    assert world.blobs.faults.fired == 2
