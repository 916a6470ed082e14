"""Documents of a tenant without money or permission wait, say so, and go on by themselves."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from contracts.ingestion.events import DocumentChunkedV1
from contracts.ingestion.versions import DescribeDocumentV1
from contracts.platform.usage import BudgetReachedV1, SpendingLimits, TenantChangedV1
from services.ingestion.bootstrap import EVENTS, QUERIES
from services.ingestion.models.tenant import Reached, Tenant
from tests.integration.ingestion.world import World

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LATER = datetime(2999, 1, 1, tzinfo=UTC)


def reached(resets_at: datetime = LATER, **fields: Any) -> BudgetReachedV1:
    known: dict[str, Any] = {
        "period": "2026-11",
        "measure": "usd",
        "threshold": 100,
        "limit": Decimal(10),
        "used": Decimal(11),
    }
    return BudgetReachedV1(resets_at=resets_at, **known | fields)


def changed(revision: int, usd_month: int | None, **fields: Any) -> TenantChangedV1:
    limit = None if usd_month is None else Decimal(usd_month)
    return TenantChangedV1(revision=revision, limits=SpendingLimits(usd_month=limit), **fields)


async def test_a_raised_limit_lets_waiting_documents_go_on(world: World) -> None:
    await world.handle(EVENTS, reached())
    waits = await world.offer("a.md", "# A\n\nThis one waits.")
    other = await world.offer("b.md", "# B\n\nThis one does not.", tenant="other")
    async with world.working():
        await world.ends(other, "indexing", tenant="other")
        seen = await world.see(waits)
        assert seen.status == "accepted"
        assert seen.waiting_for == (
            "The limit of 10 dollars for 2026-11 is reached. Work goes on at 2999-01-01 00:00 UTC,"
            " or when the limit is raised."
        )
        assert len((await world.page()).documents) == 1
        await world.handle(EVENTS, changed(1, 12))
        seen = await world.ends(waits, "indexing")
    assert seen.waiting_for is None
    chunked = {one.document_id for one in world.publisher.of(DocumentChunkedV1)}
    assert chunked == {waits, other}


async def test_they_go_on_when_the_period_turns(world: World) -> None:
    await world.handle(EVENTS, reached(datetime.now(UTC) + timedelta(seconds=1.5)))
    waits = await world.offer("a.md", "# A\n\nThis one waits.")
    assert (await world.see(waits)).waiting_for is not None
    async with world.working():
        assert (await world.ends(waits, "indexing")).waiting_for is None


async def test_a_suspended_tenants_documents_wait(world: World) -> None:
    await world.handle(EVENTS, changed(1, None, suspended=True))
    waits = await world.offer("a.md", "# A\n\nThis one waits.")
    seen = await world.see(waits)
    assert seen.waiting_for == "The tenant is suspended. Work goes on when it is resumed."
    assert await world.worklist.claim(8) == []
    await world.handle(EVENTS, changed(2, None))
    await world.handle(EVENTS, changed(1, None, suspended=True))  # late
    assert len(await world.worklist.claim(8)) == 1


async def test_a_change_of_who_sees_a_document_does_not_wait(world: World) -> None:
    """It costs nothing, so an empty purse keeps no document open."""
    async with world.working():
        document = await world.offer("a.md", "# A\n\nFor all.")
        await world.ends(document, "indexing")
        await world.answer_all()
        await world.handle(EVENTS, reached())
        waits = await world.offer("b.md", "# B\n\nThis one waits.")
        narrowed = DescribeDocumentV1(
            document_id=document, changed=("visibility",), visibility=("user:ann",)
        )
        await world.handle(QUERIES, narrowed)
        await world.ends(document, "indexing", ordinal=2)
        assert (await world.see(waits)).status == "accepted"
    assert world.publisher.of(DocumentChunkedV1)[-1].visibility == ("user:ann",)


async def test_work_that_was_left_says_that_it_waits(world: World) -> None:
    left = await world.offer("a.md", "# A\n\nIts worker dies.")
    [claim] = await world.worklist.claim(8)
    await world.handle(EVENTS, reached())
    assert (await world.see(left)).waiting_for is None
    async with world.database.transaction() as transaction:
        await transaction.execute("UPDATE versions SET due_at = now()")
    assert await world.worklist.claim(8) == []
    assert (await world.see(left)).waiting_for is not None
    await world.handle(EVENTS, changed(1, None))
    [again] = await world.worklist.claim(8)
    assert (again.document_id, again.interruptions) == (claim.document_id, 1)


@pytest.mark.parametrize("threshold", [50, 80])
async def test_a_threshold_below_the_limit_stops_nothing(world: World, threshold: int) -> None:
    await world.handle(EVENTS, reached(threshold=threshold))
    document = await world.offer("a.md", "# A\n\nThis one does not wait.")
    assert (await world.see(document)).waiting_for is None


def told(used: int, limit: int = 10, period: str = "2026-11", measure: str = "usd") -> Reached:
    return Reached(
        period=period,
        measure=measure,
        limit=Decimal(limit),
        used=Decimal(used),
        resets_at=LATER,
    )


def test_events_may_come_in_any_order() -> None:
    raised = Tenant(revision=2, limits={"usd_month": Decimal(20)})
    late = raised.with_reached(told(11), NOW)
    assert late.waiting(NOW) is None
    assert late.with_reached(told(20, 20), NOW).waiting(NOW) is not None
    # The older one of the two comes last.
    assert late.with_reached(told(20, 20), NOW).with_reached(told(11), NOW).waiting(NOW)
    lowered = late.model_copy(update={"limits": {"usd_month": Decimal(5)}})
    assert lowered.waiting(NOW) is not None
    assert late.model_copy(update={"limits": {}}).waiting(NOW) is None


def test_other_measures_and_periods_are_apart_and_old_ones_are_forgotten() -> None:
    tenant = Tenant().with_reached(told(11), NOW).with_reached(told(9, measure="tokens"), NOW)
    assert len(tenant.reached) == 2
    assert tenant.waiting(LATER) is None
    assert tenant.with_reached(told(1), LATER).reached == (told(1),)
