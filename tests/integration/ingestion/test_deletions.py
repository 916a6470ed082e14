"""Deletions and offers in any order, and offers of a name that another document has."""

import asyncio
from datetime import UTC, datetime, timedelta

from contracts.ingestion.document import document_id
from contracts.ingestion.documents import IngestDocumentV2, StoredObject
from contracts.ingestion.life_cycle import GONE
from contracts.ingestion.queries import TakenInAnsweredV1, TakenInRequestedV1
from services.ingestion.bootstrap import DOCUMENTS, QUERIES
from shared.outcomes import Done
from tests.integration.ingestion.world import World

T0 = datetime(2026, 1, 1, tzinfo=UTC)
BY_HAND = {"tenant": "acme", "name": "a.txt", "text": "The same words."}
ANN, BOB = ("user:ann",), ("user:bob",)
KEY = "uploads/acme/1/a.txt"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


async def test_what_was_sent_by_hand_and_deleted_can_be_sent_again(world: World) -> None:
    """Issue 10, 1."""
    document = document_id("acme", "a.txt")
    for round_ in range(3):
        assert await world.by_hand(BY_HAND, at(10 * round_)) == Done()
        seen = await world.see(document)
        assert (seen.status, seen.ordinal) == ("accepted", round_ + 1)
        await world.delete(document, sent_at=at(10 * round_ + 5))
        assert (await world.see(document)).status == "deleting"


async def test_a_message_by_hand_that_comes_twice_is_one_version(world: World) -> None:
    """Issue 10, 1: also when the second comes after the deletion."""
    document = document_id("acme", "a.txt")
    await world.by_hand(BY_HAND, at(0))
    await world.by_hand(BY_HAND, at(0))
    assert (await world.see(document)).ordinal == 1
    await world.delete(document, sent_at=at(5))
    await world.by_hand(BY_HAND, at(0))
    assert (await world.see(document)).status == "deleting"
    await world.by_hand(BY_HAND, at(6))
    assert (await world.see(document)).status == "accepted"


async def test_an_upload_that_was_sent_before_the_deletion_does_not_come_back(
    world: World,
) -> None:
    """Issue 10, 2."""
    document = await world.offer("a.txt", "first", sent_at=at(0))
    await world.delete(document, sent_at=at(10))
    world.blobs.objects[KEY] = b"second"
    await world.offer("a.txt", key=KEY, sent_at=at(9), message_id="m2")
    assert (await world.see(document)).status == "deleting"
    assert world.blobs.objects == {}
    await world.offer("a.txt", key=KEY, sent_at=at(20), message_id="m2")
    assert (await world.see(document)).status == "deleting", "m2 was seen"
    await world.offer("a.txt", "third", sent_at=at(11))
    assert (await world.see(document)).status == "accepted"


async def test_a_deletion_names_an_upload_that_did_not_come_yet(world: World) -> None:
    """Issue 10, 2: its message may be sent anew by the consumer or by an operator, too."""
    document = document_id("acme", "a.txt")
    assert await world.delete(document) is None
    deleted = await world.delete(document, accepted_id="m1", sent_at=at(10))
    assert deleted is not None
    assert deleted.status == "deleted"
    state = await world.state(document, accepted_id="m1")
    assert state is not None
    assert (state.document.status, state.taken_in) == ("deleted", True)
    assert (await world.page()).documents == ()
    for sent_at in (at(5), at(20)):
        world.blobs.objects[KEY] = b"late"
        await world.offer("a.txt", key=KEY, message_id="m1", sent_at=sent_at)
        assert (await world.see(document)).status == "deleted"
        assert world.blobs.objects == {}
    await world.offer("a.txt", "sent before", message_id="m0", sent_at=at(9))
    assert (await world.see(document)).status == "deleted"
    await world.offer("a.txt", "sent after", message_id="m2", sent_at=at(11))
    assert (await world.see(document)).status == "accepted"


async def test_an_upload_and_the_deletion_that_names_it_may_come_together(world: World) -> None:
    """Issue 10, 2: whichever comes first, the document is deleted."""
    documents = [document_id("acme", f"{n}.txt") for n in range(20)]
    offers = (world.offer(f"{n}.txt", "text", message_id=f"m{n}") for n in range(20))
    deletes = (world.delete(document, accepted_id=f"m{n}") for n, document in enumerate(documents))
    await asyncio.gather(*(call for pair in zip(offers, deletes, strict=True) for call in pair))
    assert {(await world.see(document)).status for document in documents} <= {*GONE}


async def test_a_deletion_with_another_tenants_id_leaves_its_document_alone(world: World) -> None:
    """Issue 10, 2: an id is made of tenant and name, so anybody can compute it."""
    document = document_id("acme", "a.txt")
    await world.delete(document, tenant="globex", accepted_id="m1", sent_at=at(100))
    await world.offer("a.txt", "text", message_id="m1", sent_at=at(0))
    assert (await world.see(document)).status == "accepted"
    await world.delete(document, tenant="globex", accepted_id="m2", sent_at=at(200))
    assert (await world.see(document)).status == "accepted"
    assert await world.state(document, "globex") is None


async def test_a_name_that_another_document_has_is_refused(world: World) -> None:
    """Issue 10, 3."""
    document = await world.offer("a.txt", "Ann's.", visibility=ANN, visible_to=ANN)
    world.blobs.objects[KEY] = b"Bob's."
    for _ in range(2):
        await world.offer("a.txt", key=KEY, message_id="m2", visible_to=BOB)
    assert world.blobs.objects == {}
    anns = await world.state(document, visible_to=ANN)
    assert anns is not None
    assert (anns.document.ordinal, anns.document.status) == (1, "accepted")
    assert await world.state(document, visible_to=BOB) is None
    refused = await world.state(document, accepted_id="m2", visible_to=BOB)
    assert refused is not None
    assert refused.taken_in
    assert (refused.document.status, refused.document.name) == ("rejected", "a.txt")
    assert refused.document.error is not None
    assert refused.document.error.code == "name_taken"
    assert "Choose another name" in refused.document.error.message


async def test_a_refused_upload_can_be_deleted_and_the_other_document_stays(world: World) -> None:
    """Issue 10, 2 and 3."""
    document = await world.offer("a.txt", "Ann's.", visibility=ANN, visible_to=ANN)
    await world.offer("a.txt", "Bob's.", message_id="m2", visible_to=BOB)
    for accepted_id in ("m2", "m3"):
        deleted = await world.delete(document, visible_to=BOB, accepted_id=accepted_id)
        assert deleted is not None
        assert deleted.status == "deleted"
    await world.offer("a.txt", "Bob's.", message_id="m3", visible_to=BOB)
    assert (await world.see(document)).status == "accepted"


async def test_who_may_see_a_document_may_replace_it(world: World) -> None:
    """Issue 10, 3: an operator, a member of its group, and anybody once it is open or deleted."""
    document = await world.offer("a.txt", "one", visibility=("group:law",), visible_to=ANN)
    await world.offer("a.txt", "two", visible_to=None, visibility=("group:law",))
    await world.offer("a.txt", "three", visible_to=(*BOB, "group:law"))
    await world.offer("a.txt", "four", visible_to=ANN, visibility=ANN)
    assert (await world.see(document)).ordinal == 4
    await world.offer("a.txt", "five", visible_to=BOB)
    assert (await world.see(document)).ordinal == 4
    await world.delete(document, sent_at=at(1))
    await world.offer("a.txt", "six", visible_to=BOB)
    assert (await world.see(document)).ordinal == 5


async def test_offers_of_one_name_that_come_together_are_judged_one_by_one(world: World) -> None:
    """Issue 10, 3: whichever the database takes first gets the name, and the other sees nothing."""
    await asyncio.gather(
        world.offer("a.txt", "Ann's.", visibility=ANN, visible_to=ANN, message_id="m1"),
        world.offer("a.txt", "Bob's.", visibility=BOB, visible_to=BOB, message_id="m2"),
    )
    document = document_id("acme", "a.txt")
    assert (await world.see(document)).ordinal == 1
    seen = [await world.state(document, visible_to=who) is not None for who in (ANN, BOB)]
    assert sorted(seen) == [False, True]


async def test_the_gateway_learns_which_messages_to_send_again(world: World) -> None:
    """Issue 10, 21."""
    await world.offer("a.txt", "text", message_id="taken")
    await world.delete(document_id("acme", "b.txt"), accepted_id="deleted")
    await world.offer("c.txt", "text", message_id="other", tenant="globex")
    asked = TakenInRequestedV1(message_ids=("lost", "taken", "deleted", "other", "\0"))
    reply = await world.handle(QUERIES, asked)
    assert reply == TakenInAnsweredV1(missing=("lost", "other"))


async def test_a_storm_of_one_upload_is_one_version_and_keeps_its_object(world: World) -> None:
    """Issue 10, 2: what was seen before is not taken for overtaken."""
    world.blobs.objects[KEY] = b"text"
    message = IngestDocumentV2(name="a.txt", source=StoredObject(key=KEY), visible_to=BOB)
    await asyncio.gather(
        *(world.handle(DOCUMENTS, message, message_id="m1", sent_at=at(0)) for _ in range(5))
    )
    assert (await world.see(document_id("acme", "a.txt"))).ordinal == 1
    assert KEY in world.blobs.objects
