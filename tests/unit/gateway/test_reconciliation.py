"""Accepted uploads that the queue lost are sent to ingestion again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from contracts.ingestion.documents import IngestDocumentV2
from contracts.ingestion.queries import TakenInAnsweredV1, TakenInRequestedV1
from services.gateway.services.documents.reconciliation import Reconciliation
from shared.errors import DeadlineMissed
from shared.testing.probe import until
from shared.testing.running import loop_of, running, worker
from tests.unit.gateway.fakes import Gateway, open_gateway


@dataclass
class Steered:
    """A clock that a test moves."""

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Shop:
    gateway: Gateway
    clock: Steered

    @property
    def reconciliation(self) -> Reconciliation:
        return worker(self.gateway.service, Reconciliation)

    async def upload(self, name: str, **principal: Any) -> str:
        async with self.gateway.client(**principal) as client:
            files = {"file": (name, b"# Title")}
            data = {"tags": "a", "metadata": '{"on": "2026-01-02", "n": 1}'}
            response = await client.post("/v1/documents", files=files, data=data)
        assert response.status_code == 202
        return self.gateway.publisher.sent[-1].id

    def lost(self, *missing: str) -> None:
        """Ingestion does not know these messages."""

        def answer(asked: TakenInRequestedV1) -> TakenInAnsweredV1:
            return TakenInAnsweredV1(missing=tuple(i for i in asked.message_ids if i in missing))

        self.gateway.requester.answers[TakenInRequestedV1] = answer

    def offered(self) -> list[tuple[str, IngestDocumentV2, str | None, str]]:
        return [
            (one.id, one.message, one.context.principal, one.context.tenant)
            for one in self.gateway.publisher.sent
            if isinstance(one.message, IngestDocumentV2)
        ]


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[Shop]:
    clock = Steered()
    async with open_gateway(clock=clock) as gateway:
        yield Shop(gateway, clock)


async def test_a_lost_upload_is_sent_again_as_it_was(shop: Shop) -> None:
    lost, taken = await shop.upload("lost.md"), await shop.upload("taken.md")
    first = shop.offered()[0]
    shop.lost(lost)
    shop.clock.advance(31)
    await shop.reconciliation.round()
    # Without the copy of its text, which lies in S3.
    [(name, message, *rest)] = shop.offered()[2:]
    source = message.source.model_copy(update={"text": "# Title"})
    assert (name, message.model_copy(update={"source": source}), *rest) == first
    assert first[0] == lost != taken
    assert [note.message_id for note in shop.gateway.notes.notes.values()] == [lost]


async def test_young_uploads_are_not_asked_for(shop: Shop) -> None:
    await shop.upload("a.md")
    shop.clock.advance(29)
    await shop.reconciliation.round()
    assert shop.gateway.requester.of(TakenInRequestedV1) == []


async def test_each_tenant_is_asked_for_its_own(shop: Shop) -> None:
    ours, theirs = await shop.upload("a.md"), await shop.upload("a.md", tenant="other", user="eve")
    shop.lost(ours, theirs)
    shop.clock.advance(31)
    await shop.reconciliation.round()
    asked = {
        context.tenant: message.model_dump()["message_ids"]
        for _, message, context in shop.gateway.requester.asked
    }
    assert asked == {"acme": (ours,), "other": (theirs,)}
    sent = [(one[0], one[2], one[3]) for one in shop.offered()[2:]]
    assert sorted(sent) == sorted([(ours, "ann", "acme"), (theirs, "eve", "other")])


async def test_a_message_in_a_long_queue_is_sent_ever_more_rarely(shop: Shop) -> None:
    shop.lost(await shop.upload("a.md"))
    for _ in range(60 * 60 // 30):
        shop.clock.advance(30)
        await shop.reconciliation.round()
    assert 5 <= len(shop.offered()) - 1 <= 8


async def test_a_silent_ingestion_costs_no_note(shop: Shop) -> None:
    lost = await shop.upload("a.md")
    shop.gateway.requester.answers[TakenInRequestedV1] = DeadlineMissed("ingestion-queries", 1)
    shop.clock.advance(31)
    with pytest.raises(DeadlineMissed):
        await shop.reconciliation.round()
    assert shop.gateway.notes.notes
    shop.lost(lost)
    await shop.reconciliation.round()
    assert len(shop.offered()) == 2


async def test_two_gateways_side_by_side_send_the_same_message(shop: Shop) -> None:
    lost = await shop.upload("a.md")
    shop.lost(lost)
    shop.clock.advance(31)
    notes = shop.gateway.notes
    kept = dict(notes.dues)
    await shop.reconciliation.round()
    notes.dues = kept  # the other one had read them before
    await shop.reconciliation.round()
    assert [one[0] for one in shop.offered()] == [lost] * 3
    shop.lost()
    shop.clock.advance(3600)
    await shop.reconciliation.round()
    assert notes.notes == {}


async def test_it_runs_by_itself_until_it_is_stopped(shop: Shop) -> None:
    lost = await shop.upload("a.md")
    shop.gateway.requester.answers[TakenInRequestedV1] = ValueError("a fault")
    loop = loop_of(shop.gateway.service, Reconciliation)
    loop.every_s = 0.01
    shop.clock.advance(31)
    async with running(loop):
        await until(lambda: len(shop.gateway.requester.of(TakenInRequestedV1)) >= 2)
        shop.lost(lost)
        await until(lambda: len(shop.offered()) == 2)
