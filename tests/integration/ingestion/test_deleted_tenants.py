"""A deleted tenant: its documents, rows and objects go, and nothing of it comes back."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.gateway.erasures import ErasureDoneV1, TenantDeletedV1
from contracts.ingestion.documents import IngestDocumentV2, InlineText
from contracts.ingestion.events import DocumentChunkedV1, DocumentDeletedV1
from contracts.platform.usage import TenantChangedV1
from services.ingestion.bootstrap import DOCUMENTS, EVENTS
from shared.late import REMEMBERED_S
from shared.outcomes import Done, Retry
from shared.testing.probe import until
from tests.integration.ingestion.world import CONTEXT, World

TABLES = ("documents", "versions", "intakes", "tenants", "deletions", "purges", "vectors")


async def left(world: World) -> str:
    """All that the tables hold, as text."""
    found = []
    async with world.database.transaction() as transaction:
        for table in TABLES:
            rows = await transaction.execute(f"SELECT row_to_json(t) FROM {table} t")
            found += [f"{table} {row[0]}" for row in rows]
    return "\n".join(found)


async def delete(world: World, round: int, end: datetime) -> list[ErasureDoneV1]:
    """What was answered to this round."""
    message = TenantDeletedV1(erasure_id="e1", until=end, round=round)
    await world.handle(EVENTS, message)
    return [one for one in world.publisher.of(ErasureDoneV1) if one.round == round]


async def deleted(world: World, end: datetime) -> dict[str, int]:
    """All rounds, with the others confirming what is announced."""
    assert len(await delete(world, 1, end)) == 1

    async def confirmed() -> Any:
        for one in world.publisher.of(DocumentDeletedV1):
            await world.confirm(one.document_id, one.ordinal)
        return await delete(world, 2, end)

    [done, *_] = await until(confirmed)
    removed: dict[str, int] = done.removed
    return removed


async def test_a_deleted_tenant_leaves_no_trace_and_another_one_stays(world: World) -> None:
    world.blobs.objects["uploads/acme/1/a.txt"] = b"canary in an upload"
    world.blobs.objects["uploads/acme/2/nobody-offered-it.txt"] = b"canary"
    world.blobs.objects["uploads/acme2/1/a.txt"] = b"another tenant"
    async with world.working():
        document = await world.offer("a.txt", key="uploads/acme/1/a.txt", principal="canary")
        await world.offer("b.md", "# canary")
        other = await world.offer("a.txt", key="uploads/acme2/1/a.txt", tenant="acme2")
        await world.ends(document, "indexing")
        await world.ends(other, "indexing", tenant="acme2")
        await world.answer_all()
        await world.handle(EVENTS, TenantChangedV1(revision=3))
        removed = await deleted(world, datetime.now(UTC))
        assert (removed["documents"], removed["uploads"]) == (2, 2)
        assert removed["manifests"] >= 1
        remains = await left(world)
        assert "canary" not in remains
        assert '"acme"' not in remains
        assert "acme2" in remains
        assert [key for key in world.blobs.objects if "/acme/" in key] == []
        assert len([key for key in world.blobs.objects if "/acme2/" in key]) == 2


async def test_what_comes_late_is_passed_over_until_the_tenant_is_created_again(
    world: World,
) -> None:
    async with world.working():
        first = await world.offer("a.md", "# First")
        await world.ends(first, "indexing")
        await world.offer("a.md", "# Second")
        await world.ends(first, "indexing", ordinal=2)
        end = datetime.now(UTC)
        await deleted(world, end)
        offer = IngestDocumentV2(name="b.md", source=InlineText(text="# Late"))
        late = CONTEXT.model_copy(update={"occurred_at": end, "sent_at": end + timedelta(hours=1)})
        key = "uploads/acme/9/late.txt"
        world.blobs.objects[key] = b"late"
        assert await world.outcome(DOCUMENTS, offer, late) == Done()
        await world.offer("late.txt", key=key, sent_at=end)
        await world.handle(EVENTS, TenantChangedV1(revision=9), sent_at=end)
        assert key not in world.blobs.objects
        assert '"acme"' not in await left(world)
        # What is sent now waits for the tenant, and is kept with its reason if none comes.
        new = CONTEXT.model_copy(update={"sent_at": end + timedelta(hours=1)})
        outcome = await world.outcome(DOCUMENTS, offer, new)
        assert isinstance(outcome, Retry)
        assert "was deleted" in outcome.reason
        created = TenantChangedV1(revision=1)
        await world.handle(EVENTS, created, sent_at=end + timedelta(minutes=1))

        async def taken_in() -> bool:
            return await world.outcome(DOCUMENTS, offer, new) == Done()

        await until(taken_in, within_s=REMEMBERED_S + 5)
        # No late message of the deleted tenant can be taken for the new one's.
        again = await world.offer("a.md", "# Third", sent_at=end + timedelta(hours=1))
        assert again == first
        await world.ends(first, "indexing", ordinal=3)
        assert [one.ordinal for one in world.publisher.of(DocumentChunkedV1)][-1] == 3


async def test_a_tenant_whose_documents_nobody_confirms_is_not_told_to_be_gone(
    world: World,
) -> None:
    async with world.working():
        await world.offer("a.md", "# A")
        end = datetime.now(UTC)
        assert len(await delete(world, 1, end)) == 1
        for _ in range(3):
            assert await delete(world, 2, end) == []
