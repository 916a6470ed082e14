"""What comes in by each entrance: the same document, and only from who may send it."""

import pytest

from contracts.envelope import Context
from contracts.ingestion.document import document_id
from contracts.ingestion.documents import (
    DroppedObject,
    IngestDocumentV2,
    ObjectsDroppedV1,
    StoredObject,
)
from services.ingestion.bootstrap import DOCUMENTS
from shared.messaging.wire import Undecodable
from shared.outcomes import Done, Outcome, Reject
from tests.integration.ingestion.world import BUCKET, World

S3, INSIDER, OUTSIDER = "AROAS3:S3-PROD-END", "AIDA1", "AIDA2"
SENDERS = {INSIDER: ["acme"]}


async def drop(
    world: World, key: str, sender: str | None, sequencer: str, etag: str = "e"
) -> Outcome:
    fields = {"bucket": BUCKET, "key": key, "size": 3, "sequencer": sequencer, "etag": etag}
    dropped = DroppedObject.model_validate(fields)
    context = Context(tenant="s3", causation_id="m", sender=sender)
    return await world.outcome(DOCUMENTS, ObjectsDroppedV1(objects=(dropped,)), context)


async def test_a_drop_is_believed_of_s3_and_of_its_tenants_senders_only(world: World) -> None:
    """Issue 10, 4."""
    async with world.serving(senders=SENDERS, s3_senders=("AROAS3",)):
        assert await drop(world, "inbox/globex/a.txt", S3, "0A") == Done()
        for sender in (INSIDER, OUTSIDER, None):
            refused = await drop(world, "inbox/globex/b.txt", sender, "0A")
            assert isinstance(refused, Reject)
            assert "may not send for tenant globex" in refused.reason
        assert await world.state(document_id("globex", "a.txt"), "globex") is not None
        assert await world.state(document_id("globex", "b.txt"), "globex") is None


async def test_a_forged_sequencer_makes_no_later_drop_stale(world: World) -> None:
    """Issue 10, 4: not even one from who may send for the tenant."""
    key, document = "inbox/acme/a.txt", document_id("acme", "a.txt")
    async with world.serving(senders=SENDERS, s3_senders=("AROAS3",)):
        await drop(world, key, S3, "0A", "e1")
        assert await drop(world, key, INSIDER, "FFFFFFFF", "e2") == Done()
        offered = IngestDocumentV2(name="a.txt", source=StoredObject(key=key, sequencer="FFFFFFFF"))
        await world.handle(DOCUMENTS, offered, sender=INSIDER)
        before = (await world.see(document)).ordinal
        await drop(world, key, S3, "0B", "e3")
        assert (await world.see(document)).ordinal == before + 1
        await drop(world, key, S3, "0A1", "e4")
        assert (await world.see(document)).ordinal == before + 1, "S3's own still count"


async def test_each_entrance_leads_to_the_same_document(world: World) -> None:
    """Issue 10, 29."""
    await world.offer("übersicht.txt", "one")
    await world.offer("u\u0308ber\u200bsicht.txt", "two")
    await world.by_hand({"tenant": "acme", "name": "\u202eübersicht.txt", "text": "three"})
    await drop(world, "inbox/acme/u\u0308bersicht\n.txt", None, "0A")
    await drop(world, "inbox/acme/u\u0308bersicht.txt", None, "0A")
    names = {summary.name: summary.ordinal for summary in (await world.page()).documents}
    assert names == {"übersicht.txt": 4, "übersicht .txt": 1}


async def test_a_name_of_nothing_that_can_be_seen_is_refused(world: World) -> None:
    """Issue 10, 29."""
    for name in ("\u200b", "\u202e \u2028", "..."):
        refused = await world.by_hand({"tenant": "acme", "name": name, "text": "x"})
        assert isinstance(refused, Reject)
        assert "that can be seen" in refused.reason


async def test_a_text_or_key_that_cannot_be_stored_is_refused(world: World) -> None:
    """Issue 10, 22."""
    refused = await world.by_hand({"tenant": "acme", "name": "a.txt", "key": "inbox/acme/a\0.txt"})
    assert isinstance(refused, Reject)
    assert "NUL" in refused.reason
    with pytest.raises(Undecodable, match="half of a surrogate pair"):
        await world.by_hand({"tenant": "acme", "name": "a.txt", "text": "\ud800"})


async def test_a_bad_row_spoils_no_list(world: World) -> None:
    """Issue 10, 22: it is listed without what cannot be read of it."""
    for n, description in enumerate(['{"metadata": {"x": null}}', '{"tags": 5}', "[]"]):
        document = await world.offer(f"{n}.txt", "text", tags=["t"], metadata={"year": 2024})
        async with world.database.transaction() as transaction:
            await transaction.execute(
                "UPDATE versions SET description = CAST(:bad AS jsonb) WHERE document_id = :id",
                {"bad": description, "id": document},
            )
    await world.offer("good.txt", "text", tags=["t"])
    listed = {one.name: (one.tags, one.metadata) for one in (await world.page()).documents}
    assert listed == {"good.txt": (("t",), {})} | {f"{n}.txt": ((), {}) for n in range(3)}
    assert (await world.see(document_id("acme", "0.txt"))).metadata == {}


async def test_a_cursor_that_no_page_ended_with_is_refused(world: World) -> None:
    """Issue 10, 28."""
    places = ["nonsense", "0001-01-01T00:00:00+14:00 a", "2026-01-01T00:00:00+00:00 \0"]
    for place in places:
        assert await world.refuses_page(place)
