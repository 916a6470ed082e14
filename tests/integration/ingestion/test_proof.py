"""A deletion proves itself: who purged what, until every service has confirmed."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.ingestion.events import DocumentDeletedV1
from contracts.ingestion.proof import CONFIRMING, CertificateV1, DocumentPurgedV1
from services.ingestion.bootstrap import EVENTS
from shared.outcomes import Reject
from shared.testing.probe import until
from tests.integration.ingestion.world import CONTEXT, World

KEY = "uploads/acme/1/a.txt"
ANN, BOB = ("user:ann",), ("user:bob",)


async def status(world: World, document: str) -> str:
    return (await world.see(document)).status


async def proof(world: World, document: str) -> CertificateV1:
    found = await world.certificate(document)
    assert found is not None
    return found


async def test_a_document_is_deleting_until_every_service_has_confirmed(world: World) -> None:
    world.blobs.objects[KEY] = b"secret words"
    async with world.working():
        document = await world.offer("a.txt", key=KEY)
        await world.ends(document, "indexing")
        await world.answer_all()
        await world.ends(document, "ready")
        assert await world.certificate(document) is None
        await world.delete(document, principal="ann")

        async def purged_here() -> bool:
            return (await proof(world, document)).missing == CONFIRMING[1:]

        await until(purged_here)
        assert await status(world, document) == "deleting"
        told = len(world.publisher.of(DocumentDeletedV1))
        await until(lambda: len(world.publisher.of(DocumentDeletedV1)) > told + 1)
        await world.confirm(document, removed=3)
        assert await status(world, document) == "deleted"
    found = await proof(world, document)
    assert (found.complete, found.missing, found.deleted_by, found.name) == (True, (), "ann", None)
    removed = {(one.service, one.place): one.removed for one in found.places}
    assert removed == {
        ("ingestion", "extractions"): 0,
        ("ingestion", "inbox"): 0,
        ("ingestion", "manifests"): 1,
        ("ingestion", "texts"): 0,
        ("ingestion", "uploads"): 1,
        ("ingestion", "vectors"): 1,
        ("retrieval", "passages"): 3,
        ("memory", "turns"): 0,
        ("gateway", "sessions"): 0,
    }


async def test_a_confirmation_may_come_twice_and_late_and_before_the_deletion_is_known(
    world: World,
) -> None:
    document = await world.offer("a.txt", "text")
    await world.confirm(document)
    assert await world.certificate(document) is None
    await world.delete(document)
    assert (await proof(world, document)).places == ()
    await world.confirm(document, removed=5)
    await world.confirm(document, removed=0)
    await world.confirm(document, ordinal=2)
    await world.confirm(document, tenant="globex", removed=9)
    found = await proof(world, document)
    assert [one.removed for one in found.places if one.service == "retrieval"] == [5]
    assert (found.complete, found.missing) == (False, ("ingestion",))
    async with world.working():
        await until(lambda: _is(world, document, "deleted"))
        await world.confirm(document, removed=0)
    assert (await proof(world, document)).complete


async def _is(world: World, document: str, wanted: str) -> bool:
    return await status(world, document) == wanted


async def test_a_document_that_is_sent_again_meanwhile_begins_anew(world: World) -> None:
    """Confirming the later deletion confirms the earlier one, too."""
    document = await world.offer("a.txt", "one")
    await world.delete(document, principal="ann")
    await world.offer("a.txt", "two")
    assert (await world.see(document)).ordinal == 2
    await world.confirm(document, 1)
    async with world.working():
        await world.ends(document, "indexing", ordinal=2)
        await until(lambda: _complete(world, document))
        await world.answer_all()
        await world.ends(document, "ready", ordinal=2)
        assert (await proof(world, document)).ordinal == 1
        await world.delete(document, principal="bob")
        found = await proof(world, document)
        assert (found.ordinal, found.deleted_by, found.complete) == (2, "bob", False)
        await world.confirm(document, 2)
        await until(lambda: _is(world, document, "deleted"))


async def _complete(world: World, document: str) -> bool:
    return (await proof(world, document)).complete


async def test_a_second_delete_is_the_same_deletion(world: World) -> None:
    document = await world.offer("a.txt", "text")
    await world.delete(document, principal="ann", sent_at=datetime(2026, 1, 1, tzinfo=UTC))
    before = await proof(world, document)
    await world.delete(document, principal="bob", sent_at=datetime(2026, 1, 2, tzinfo=UTC))
    after = await proof(world, document)
    assert (after.deleted_by, after.deleted_at) == ("ann", before.deleted_at)
    await world.confirm(document)
    async with world.working():
        await until(lambda: _is(world, document, "deleted"))
        await world.delete(document)
        assert await status(world, document) == "deleted"


async def test_admins_and_who_deleted_it_see_the_certificate(world: World) -> None:
    """What was visible to whom is erased with the document."""
    document = await world.offer("a.txt", "text", visibility=ANN, visible_to=ANN)
    await world.delete(document, visible_to=ANN, principal="ann")
    assert await world.certificate(document, principal="ann", visible_to=ANN) is not None
    assert await world.certificate(document, principal="root", visible_to=None) is not None
    assert await world.certificate(document, principal="bob", visible_to=BOB) is None
    assert await world.certificate(document, tenant="globex", principal="ann") is None
    assert await world.delete(document, visible_to=BOB, principal="bob") is None
    assert await world.delete(document, visible_to=ANN, principal="ann") is not None


async def test_who_must_not_confirm_is_rejected(world: World) -> None:
    document = await world.offer("a.txt", "text")
    await world.delete(document)
    message = DocumentPurgedV1(document_id=document, ordinal=1, service="gatekeeper", places=())
    assert isinstance(await world.outcome(EVENTS, message, CONTEXT), Reject)


@pytest.mark.parametrize("after_ms", [0, 1])
async def test_a_drop_after_the_deletion_is_another_one_and_stays(
    world: World, after_ms: int
) -> None:
    """At the same time too: to keep one too many loses nothing."""
    key, deleted_at = "inbox/acme/a.txt", datetime.now(UTC)
    await world.blobs.put(key, b"first")
    world.blobs.modified[key] = deleted_at - timedelta(hours=1)
    document = await world.offer("a.txt", key=key, sent_at=deleted_at - timedelta(hours=1))
    await world.delete(document, sent_at=deleted_at)
    await world.blobs.put(key, b"second")
    world.blobs.modified[key] = deleted_at + timedelta(milliseconds=after_ms)
    async with world.working():
        await world.confirm(document)
        await until(lambda: _is(world, document, "deleted"))
        assert world.blobs.objects[key] == b"second"
        await world.offer("a.txt", key=key)
        await world.ends(document, "indexing", ordinal=2)
